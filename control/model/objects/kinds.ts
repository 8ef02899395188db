import { suggestion } from "../fields/index.ts";
import type { Kind } from "../kind.ts";

/** The kinds that are read, found by what a document says of itself. */
export class Kinds {
  readonly all: readonly Kind[];
  readonly #byName = new Map<string, Kind>();

  /** @throws RangeError where two are of the same group and name */
  constructor(all: readonly Kind[]) {
    this.all = all;
    for (const kind of all) {
      const name = `${kind.group}/${kind.kind}`;
      if (this.#byName.has(name)) throw new RangeError(`two kinds are ${name}`);
      this.#byName.set(name, kind);
    }
  }

  find(apiVersion: string, kind: string): KindFound {
    const slash = apiVersion.lastIndexOf("/");
    const group = apiVersion.slice(0, Math.max(slash, 0));
    const version = apiVersion.slice(slash + 1);
    const found = this.#byName.get(`${group}/${kind}`);
    if (found === undefined) return this.#notFound(group, kind, apiVersion);
    if (found.versions.includes(version)) return { found: "kind", kind: found };
    const versions = found.versions.map((each) => (group === "" ? each : `${group}/${each}`));
    const message = `${kind} has no version ${apiVersion}; ${versions.join(", ")} are read`;
    return { found: "nothing", field: "apiVersion", message, kind: found };
  }

  #notFound(group: string, kind: string, apiVersion: string): KindFound {
    const ofGroup = this.all.filter((each) => each.group === group);
    const namesakes = this.all.filter((each) => each.kind === kind);
    if (ofGroup.length > 0 || isIstio(group)) {
      const [namesake] = namesakes;
      if (namesake !== undefined && isIstio(group)) {
        const right = `${namesake.group}/${namesake.versions[0] ?? ""}`;
        return { found: "nothing", field: "apiVersion", message: `${kind} is not of ${group}; write ${right}`, kind: namesake };
      }
      const near = suggestion(
        kind,
        (ofGroup.length > 0 ? ofGroup : this.all).map((each) => each.kind),
      );
      // What Kubernetes' core has beside the kinds that describe a mesh is no mistake; `Servise` is.
      if (isIstio(group) || (near !== "" && !CORE.has(kind))) {
        return { found: "nothing", field: "kind", message: `there is no kind ${kind} of ${apiVersion} here${near}` };
      }
    }
    return { found: "other", message: `${kind} of ${apiVersion} says nothing about the mesh; passed over` };
  }
}

/** What stands behind `apiVersion` and `kind`. `other`: it belongs to another tool, and is no mistake. */
export type KindFound =
  | { readonly found: "kind"; readonly kind: Kind }
  | { readonly found: "other"; readonly message: string }
  /** `kind`: the one that is meant, where only the version is wrong. */
  | { readonly found: "nothing"; readonly field: "apiVersion" | "kind"; readonly message: string; readonly kind?: Kind };

function isIstio(group: string): boolean {
  return group.includes("istio");
}

/** Kinds of Kubernetes' `v1`. */
const CORE: ReadonlySet<string> = new Set([
  "Binding",
  "ComponentStatus",
  "ConfigMap",
  "Endpoints",
  "Event",
  "LimitRange",
  "Namespace",
  "Node",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "Pod",
  "PodTemplate",
  "ReplicationController",
  "ResourceQuota",
  "Secret",
  "Service",
  "ServiceAccount",
]);

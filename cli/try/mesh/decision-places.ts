import type { Mesh } from "../../../control/mesh/index.ts";
import { type FieldPath, type MeshObject, objectKey, type ProxyView } from "../../../control/model/index.ts";
import type { Decision } from "../../../harness/target/index.ts";

/** What a decision comes from: a field of an object. */
export interface Origin {
  readonly object: MeshObject;
  readonly path: FieldPath;
}

/** Finds what the decisions of filters come from, by the names of the rules that they log. */
export class DecisionPlaces {
  private readonly mesh: Mesh;
  private readonly view: ProxyView;

  constructor(mesh: Mesh, view: ProxyView) {
    this.mesh = mesh;
    this.view = view;
  }

  /** Undefined where the filter names no rule, or it is not known where that stands. */
  originOf({ filter, rule }: Decision): Origin | undefined {
    if (rule === "") return undefined;
    const own = filter === "authentication" ? this.ofIssuer(rule) : this.ofPolicy(rule);
    return own ?? this.ofPlugin(filter);
  }

  /** `default/no-admin[0]`, as `authorization` and Envoy's filter for connections name rules. */
  private ofPolicy(rule: string): Origin | undefined {
    const [, namespace, name, index] = /^([^/]+)\/(.+?)(?:\[(\d+)\])?$/.exec(rule) ?? [];
    if (namespace === undefined || name === undefined) return undefined;
    const object = this.mesh.object(objectKey({ kind: "AuthorizationPolicy", metadata: { namespace, name } as MeshObject["metadata"] }));
    return object === undefined ? undefined : { object, path: index === undefined ? ["spec"] : ["spec", "rules", Number(index)] };
  }

  private ofIssuer(issuer: string): Origin | undefined {
    for (const { object, rules } of this.view.policies("RequestAuthentication")) {
      const index = rules.findIndex((rule) => rule.issuer === issuer);
      if (index >= 0) return { object, path: ["spec", "jwtRules", index] };
    }
    return undefined;
  }

  /** Of several that configure the filter, nobody knows which it was. */
  private ofPlugin(filter: string): Origin | undefined {
    const [plugin, ...more] = this.view.plugins().filter(({ url }) => url === `builtin://${filter}`);
    return plugin === undefined || more.length > 0 ? undefined : { object: plugin.object, path: ["spec", "pluginConfig"] };
  }
}

/** A decision with what it comes from, and where that stands. */
export function placed(decision: Decision, origin: Origin | undefined): Decision {
  if (origin === undefined) return decision;
  const { kind, metadata } = origin.object;
  const { file, line, column } = origin.object.place(origin.path);
  return { ...decision, object: { kind, namespace: metadata.namespace, name: metadata.name }, at: `${file}:${line}:${column}` };
}

import type { Mesh } from "../mesh/index.ts";
import { compareAge, type Labels, type MeshObject, objectKey, type PolicyKind, type ProxyView, selects } from "../model/index.ts";
import type { Verdict } from "../proof/index.ts";
import type { ProofRequest } from "../proof/request.ts";
import type { XdsType } from "../xds/types/index.ts";
import { viewFor } from "./objects.ts";

/** A resource that a module refuses, though it may take each of the objects in it by itself. */
export interface RefusedTogether {
  /** Of those that were asked about, the youngest of those in it. */
  readonly object: MeshObject;
  readonly resource: string;
  readonly reason: string;
}

/** A workload that objects for filters select. */
interface Selected {
  readonly namespace: string;
  readonly labels: Labels;
}

/** The kinds of policies that are made configuration of filters. */
const KINDS: readonly PolicyKind[] = ["RequestAuthentication", "AuthorizationPolicy", "Telemetry"];

/**
 * What modules have against objects with the others that hold for the same workloads: those of the mesh, and such as the objects' selectors speak of. Asks once for each set of objects that come together.
 *
 * @param before the mesh in which the objects do not count yet: what is refused there already is not held against them. Default: none
 */
export async function refusedTogether(
  mesh: Mesh,
  objects: readonly MeshObject[],
  types: readonly XdsType[],
  prove: (request: ProofRequest) => Promise<Verdict>,
  before?: Mesh,
): Promise<readonly RefusedTogether[]> {
  const asked = new Set(objects);
  const seen = new Set<string>();
  const refused: RefusedTogether[] = [];
  for (const { namespace, labels } of selectedBy(mesh, objects)) {
    for (const type of ["sidecar", "router"] as const) {
      const view = viewFor(mesh, namespace, type, labels);
      const all = objectsOf(view);
      const key = `${type} ${all.map(objectKey).join()}`;
      const object = all.findLast((each) => asked.has(each));
      // One reason for each object is enough.
      if (all.length < 2 || object === undefined || seen.has(key) || refused.some((each) => each.object === object)) continue;
      seen.add(key);
      const known =
        before === undefined
          ? new Set()
          : new Set(Array.from(await refusalsOf(viewFor(before, namespace, type, labels), types, prove), ([name]) => name));
      const [found] = [...(await refusalsOf(view, types, prove))].filter(([resource]) => !known.has(resource));
      if (found !== undefined) refused.push({ object, resource: found[0], reason: found[1] });
    }
  }
  return refused;
}

/** Reasons by the names of resources. */
async function refusalsOf(
  view: ProxyView,
  types: readonly XdsType[],
  prove: (request: ProofRequest) => Promise<Verdict>,
): Promise<ReadonlyMap<string, string>> {
  const reasons = new Map<string, string>();
  for (const type of types) {
    for (const unit of type.units(view)) {
      for (const { name, proofs = [] } of type.translate(view, unit)) {
        for (const verdict of await Promise.all(proofs.map(prove))) if (!verdict.good) reasons.set(name, verdict.reason);
      }
    }
  }
  return reasons;
}

/** What a workload's filters are configured by, the youngest last. */
function objectsOf(view: ProxyView): readonly MeshObject[] {
  const policies = KINDS.flatMap((kind) => view.policies(kind).map(({ object }) => object));
  return [...policies, ...view.plugins().map(({ object }) => object)].toSorted(compareAge);
}

function selectedBy(mesh: Mesh, objects: readonly MeshObject[]): Iterable<Selected> {
  const found = new Map<string, Selected>();
  const add = (namespace: string, labels: Labels): void => void found.set(JSON.stringify([namespace, labels]), { namespace, labels });
  for (const object of objects) {
    const { policies = [], plugins = [] } = mesh.contributed(objectKey(object)) ?? {};
    for (const { namespace, selector } of [...policies, ...plugins]) {
      const isForAll = namespace === mesh.settings.rootNamespace;
      for (const each of isForAll ? namespacesOf(mesh) : [namespace]) add(each, selector);
      for (const each of mesh.workloads()) {
        if ((isForAll || each.namespace === namespace) && selects(selector, each.labels)) add(each.namespace, each.labels);
      }
    }
  }
  return found.values();
}

/** Those that have something of their own. */
function namespacesOf(mesh: Mesh): ReadonlySet<string> {
  const policies = KINDS.flatMap((kind) => mesh.policies(kind).map(({ namespace }) => namespace));
  return new Set([mesh.settings.rootNamespace, ...policies, ...mesh.plugins().map(({ namespace }) => namespace)]);
}

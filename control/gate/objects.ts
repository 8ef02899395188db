import { clientOf } from "../configuration/groups.ts";
import { type Mesh, MeshProxyView, Reads } from "../mesh/index.ts";
import { type Labels, type MeshObject, objectKey, type ProxyView, readProxy } from "../model/index.ts";
import type { XdsType } from "../xds/types/index.ts";
import type { ProofRequest } from "../proof/request.ts";

/**
 * What a module would get of an object alone, for a proxy that it selects: so it is told apart which of several that stand in one configuration the module refuses, and also of those that
 * no proxy has yet. Empty for objects that no filter hears of.
 *
 * @throws what a translation throws, which is an error of ours
 */
export function proofsOf(mesh: Mesh, object: MeshObject, types: readonly XdsType[]): readonly ProofRequest[] {
  const selectors = selectorsOf(mesh, object);
  const requests: ProofRequest[] = [];
  for (const selector of selectors) {
    for (const type of ["sidecar", "router"] as const) {
      const view = viewOf(mesh, object, type, selector);
      for (const each of types)
        for (const unit of each.units(view)) for (const { proofs = [] } of each.translate(view, unit)) requests.push(...proofs);
    }
  }
  return requests;
}

/** Whom an object's policies and plugins are for. */
function selectorsOf(mesh: Mesh, object: MeshObject): readonly Labels[] {
  const { policies = [], plugins = [] } = mesh.contributed(objectKey(object)) ?? {};
  return [...policies, ...plugins].map(({ selector }) => selector);
}

/** The mesh as the proxy of a workload with these labels sees it. */
export function viewFor(mesh: Mesh, namespace: string, type: "sidecar" | "router", labels: Labels): ProxyView {
  const proxy = readProxy({ id: `${type}~192.0.2.1~proof.${namespace}~${namespace}.svc.cluster.local`, metadata: { LABELS: labels } });
  if (typeof proxy === "string") throw new TypeError(proxy);
  return new MeshProxyView(mesh, proxy, clientOf(proxy, mesh), new Reads());
}

/** The mesh as a workload sees it that an object selects, were there no other object for filters. */
function viewOf(mesh: Mesh, object: MeshObject, type: "sidecar" | "router", labels: Labels): ProxyView {
  const view = viewFor(mesh, object.metadata.namespace, type, labels);
  const own = <T extends { readonly object: MeshObject }>(all: readonly T[]): readonly T[] => all.filter((each) => each.object === object);
  const alone: Pick<ProxyView, "plugins" | "policies"> = {
    plugins: () => own(view.plugins()),
    policies: (kind) => own(view.policies(kind)),
  };
  return Object.assign(Object.create(view) as ProxyView, alone);
}

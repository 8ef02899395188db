import { workloadProxies } from "../diff/index.ts";
import type { Mesh } from "../mesh/index.ts";
import { IDENTITY_KEY, type Labels, type Proxy, readProxy, selects } from "../model/index.ts";

/**
 * The proxies that a mesh would have: those before the workloads among its objects, and for each selector of a Service or a Gateway that no workload answers one that would, with an address that nobody has. So a mesh whose
 * workloads nobody lists can be looked at too. All have a certificate of the mesh.
 */
export function proxiesOfMesh(mesh: Mesh): readonly Proxy[] {
  const proxies = [...workloadProxies(mesh)];
  const made: Proxy[] = [];
  const make = (type: Proxy["type"], name: string, namespace: string, labels: Labels): void => {
    const id = `${type}~${nobodys(made.length)}~${name}.${namespace}~${namespace}.svc.${mesh.settings.domainSuffix}`;
    const proxy = readProxy({ id, metadata: { NAMESPACE: namespace, LABELS: labels, [IDENTITY_KEY]: "socket" } });
    if (typeof proxy !== "string") made.push(proxy);
  };
  const isAnswered = (selector: Labels, by: readonly Proxy[], namespace?: string): boolean =>
    by.some((each) => (namespace === undefined || each.namespace === namespace) && selects(selector, each.labels));

  const gateways = mesh.gateways().filter(({ selector }) => Object.keys(selector).length > 0);
  for (const { selector, namespace, object } of mesh.services()) {
    if (selector === undefined || Object.keys(selector).length === 0 || isAnswered(selector, [...proxies, ...made], namespace)) continue;
    const isGateway = gateways.some((gateway) => selects(gateway.selector, selector));
    make(isGateway ? "router" : "sidecar", object.metadata.name, namespace, selector);
  }
  for (const { selector, name, namespace } of gateways) {
    if (!isAnswered(selector, [...proxies, ...made])) make("router", name, namespace, selector);
  }
  return [...proxies, ...made];
}

/** Addresses of a range that Istio has for hosts without any, so no proxy has them. */
function nobodys(index: number): string {
  return `240.240.${(index >> 8) & 255}.${(index & 255) + 1}`;
}

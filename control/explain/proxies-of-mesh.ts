import type { Mesh } from "../mesh/index.ts";
import { type Labels, type Proxy, readProxy, selects } from "../model/index.ts";
import { isIP } from "node:net";

/**
 * The proxies that a mesh would have: one before each workload among its objects, a router where a Gateway selects it. For a selector of a Service or a Gateway that no workload answers, one that would, with an address that
 * nobody has; so a mesh whose workloads nobody lists can be looked at too. All have a certificate of the mesh.
 */
export function proxiesOfMesh(mesh: Mesh): readonly Proxy[] {
  const proxies = new Map<string, Proxy>();
  const add = (type: Proxy["type"], name: string, namespace: string, labels: Labels, address?: string, serviceAccount = ""): void => {
    // Of a range that Istio has for hosts without addresses: no proxy has one of these.
    const ip = address ?? `240.240.${(proxies.size >> 8) & 255}.${(proxies.size & 255) + 1}`;
    const id = `${type}~${ip}~${name}.${namespace}~${namespace}.svc.${mesh.settings.domainSuffix}`;
    const metadata = {
      NAMESPACE: namespace,
      LABELS: labels,
      WORKLOAD_IDENTITY_SOCKET_FILE: "socket",
      ...(serviceAccount === "" ? {} : { SERVICE_ACCOUNT: serviceAccount }),
    };
    const proxy = readProxy({ id, metadata });
    if (typeof proxy !== "string") proxies.set(id, proxy);
  };

  const gateways = mesh.gateways().filter(({ selector }) => Object.keys(selector).length > 0);
  const isGateway = (labels: Labels): boolean => gateways.some(({ selector }) => selects(selector, labels));
  const workloads = mesh.workloads();
  for (const { name, namespace, labels, addresses, serviceAccount } of workloads) {
    const address = addresses.find((each) => isIP(each) !== 0);
    add(isGateway(labels) ? "router" : "sidecar", name, namespace, labels, address, serviceAccount);
  }
  const answered = (selector: Labels, namespace?: string): boolean =>
    workloads.some((each) => (namespace === undefined || each.namespace === namespace) && selects(selector, each.labels));
  for (const { selector, namespace, object } of mesh.services()) {
    if (selector === undefined || Object.keys(selector).length === 0 || answered(selector, namespace)) continue;
    add(isGateway(selector) ? "router" : "sidecar", object.metadata.name, namespace, selector);
  }
  const made = [...proxies.values()].filter(({ type }) => type === "router");
  for (const { selector, name, namespace } of gateways) {
    if (made.some(({ labels }) => selects(selector, labels))) continue;
    add("router", name, namespace, selector);
  }
  return [...proxies.values()];
}

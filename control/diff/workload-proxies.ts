import type { Mesh } from "../mesh/index.ts";
import { IDENTITY_KEY, type Proxy, readProxy, selects, type Workload } from "../model/index.ts";

/**
 * The proxies that a mesh is meant to have: one before every workload that its Pods and WorkloadEntries describe, which is a gateway where the selector of a Gateway names its labels. Each has a certificate, as every
 * proxy of a mesh with identities has. By id.
 */
export function workloadProxies(mesh: Mesh): readonly Proxy[] {
  const selectors = mesh.gateways().flatMap(({ selector }) => (Object.keys(selector).length === 0 ? [] : [selector]));
  const proxies = mesh.workloads().flatMap((workload) => {
    const type = selectors.some((selector) => selects(selector, workload.labels)) ? "router" : "sidecar";
    const proxy = proxyOf(workload, type);
    return proxy === undefined ? [] : [proxy];
  });
  return proxies.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

function proxyOf(
  { name, namespace, addresses, labels, serviceAccount, network, locality }: Workload,
  type: Proxy["type"],
): Proxy | undefined {
  const [address] = addresses;
  if (address === undefined) return undefined;
  const metadata = {
    NAMESPACE: namespace,
    LABELS: labels,
    INSTANCE_IPS: addresses.join(","),
    [IDENTITY_KEY]: "socket",
    ...(serviceAccount === "" ? {} : { SERVICE_ACCOUNT: serviceAccount }),
    ...(network === "" ? {} : { NETWORK: network }),
  };
  const id = `${type}~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`;
  const [region = "", zone = "", subZone = ""] = locality.split("/");
  const proxy = readProxy({ id, metadata, ...(locality === "" ? {} : { locality: { region, zone, subZone } }) });
  return typeof proxy === "string" ? undefined : proxy;
}

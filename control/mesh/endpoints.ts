import { type Endpoint, portOfWorkload, selects, type Service, type Workload } from "../model/index.ts";
import { endpointListKey, type Indices } from "./indices.ts";
import { withPeers } from "./peers.ts";

/**
 * The hosts behind a service, by address: those that its object lists, those of its EndpointSlices or Endpoints, and where there are none of these, the
 * workloads that its selector picks. WorkloadEntries are picked beside slices, as Istio has it for services whose workloads run partly on virtual machines.
 */
export function endpointsOf(service: Service, index: Indices, rootNamespace: string): readonly Endpoint[] {
  const listed = index.endpoints.get(endpointListKey(service)) ?? [];
  const found = new Map<string, Endpoint>();
  const add = (endpoint: Endpoint): void => {
    const key = `${endpoint.address} ${JSON.stringify(endpoint.ports)}`;
    if (!found.has(key)) found.set(key, endpoint);
  };
  for (const endpoint of service.endpoints) add(endpoint);
  for (const { endpoints } of listed) for (const endpoint of endpoints) add(describedBy(endpoint, index));
  const { selector } = service;
  if (selector !== undefined) {
    for (const workload of index.workloads.get(service.namespace) ?? []) {
      if (listed.length > 0 && workload.object.kind === "Pod") continue;
      if (selects(selector, workload.labels)) for (const endpoint of workloadEndpoints(workload, service)) add(endpoint);
    }
  }
  const visible = Array.from(found.values(), (endpoint) =>
    index.peers.size === 0 ? endpoint : withPeers(endpoint, index, rootNamespace),
  ).filter(({ health }) => health !== "unhealthy" || service.publishNotReady);
  return visible.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
}

/** A slice names an address; what runs there, with labels for subsets, is known from its workload. */
function describedBy(endpoint: Endpoint, index: Indices): Endpoint {
  const workload = index.addresses.get(endpoint.address)?.find(({ namespace }) => namespace === endpoint.namespace);
  if (workload === undefined) return endpoint;
  return {
    ...endpoint,
    labels: workload.labels,
    // A slice knows the zone alone, a pod's labels the region too.
    locality: workload.locality || endpoint.locality,
    network: endpoint.network || workload.network,
    serviceAccount: workload.serviceAccount,
    workload: workload.workloadName,
    node: endpoint.node || workload.node,
    tlsMode: workload.tlsMode,
  };
}

function workloadEndpoints(workload: Workload, service: Service): readonly Endpoint[] {
  const ports: Record<string, number> = {};
  for (const port of service.ports) {
    const number = portOfWorkload(workload, service, port);
    if (number !== undefined) ports[port.name] = number;
  }
  return workload.addresses.slice(0, 1).map((address) => ({
    address,
    ports,
    labels: workload.labels,
    locality: workload.locality,
    network: workload.network,
    weight: workload.weight,
    serviceAccount: workload.serviceAccount,
    namespace: workload.namespace,
    workload: workload.workloadName,
    node: workload.node,
    health: workload.ready ? "healthy" : "unhealthy",
    tlsMode: workload.tlsMode,
  }));
}

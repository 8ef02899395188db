import { type Inbound, portOfWorkload, type Proxy, selects, type Service } from "../model/index.ts";
import { cell, type Reads } from "./cell.ts";
import { endpointListKey } from "./indices.ts";
import type { Mesh } from "./mesh.ts";
import { workloadOf } from "./workload-of.ts";

/** The services that a proxy's workload stands behind: those that select it, and those whose listed endpoints have its address. */
export function inboundOf(mesh: Mesh, proxy: Proxy, reads: Reads): Inbound {
  for (const address of proxy.addresses) reads.cells.add(cell.address(address));
  reads.cells.add(cell.selectors(proxy.namespace));
  const { index } = mesh;
  const workload = workloadOf(index, proxy);
  const labels = workload?.labels ?? proxy.labels;
  const ports: Inbound["ports"][number][] = [];
  const seen = new Set<string>();
  for (const service of candidates(mesh, proxy, reads)) {
    const { selector, host, endpoints: own } = service;
    const slices = index.endpoints.get(endpointListKey(service)) ?? [];
    const listed = [...slices.flatMap(({ endpoints }) => endpoints), ...own].filter(({ address }) => proxy.addresses.includes(address));
    if (listed.length === 0 && (selector === undefined || !selects(selector, labels))) continue;
    reads.cells.add(cell.endpoints(host));
    for (const port of service.ports) {
      const byNumber = typeof port.targetPort === "number" ? port.targetPort : undefined;
      const targetPort = listed[0]?.ports[port.name] ?? (workload === undefined ? byNumber : portOfWorkload(workload, service, port));
      const key = `${host} ${port.number}`;
      if (targetPort === undefined || seen.has(key)) continue;
      seen.add(key);
      ports.push({ service, port, targetPort });
    }
  }
  return { ports };
}

function candidates({ index }: Mesh, { namespace, addresses }: Proxy, reads: Reads): ReadonlySet<Service> {
  const lists = addresses.flatMap((address) => index.endpointAddresses.get(`${namespace} ${address}`) ?? []);
  // A slice may be there before its service.
  for (const { host } of lists) reads.cells.add(cell.service(host));
  const listed = lists.flatMap(({ host }) => index.services.get(host) ?? []);
  const own = addresses.flatMap((address) => index.listing.get(`${namespace} ${address}`) ?? []);
  return new Set([...(index.selecting.get(namespace) ?? []), ...listed.filter((service) => service.namespace === namespace), ...own]);
}

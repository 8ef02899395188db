import { type Contribution, selects, type Service, type Workload } from "../model/index.ts";
import { type Cell, cell } from "./cell.ts";
import { gatewaysOf, type Indices, mirrorHostsOf } from "./indices.ts";
import { destinationHosts } from "./destinations.ts";

/** The cells that are others after contributions went and came. */
export function touchedBy(before: Indices, after: Indices, gone: readonly Contribution[], come: readonly Contribution[]): Set<Cell> {
  const touched = new Set<Cell>();
  for (const contribution of [...gone, ...come]) {
    for (const service of contribution.services ?? []) touchService(service, touched);
    for (const { host, endpoints } of contribution.endpoints ?? []) {
      touched.add(cell.endpoints(host));
      for (const { address } of endpoints) touched.add(cell.address(address));
    }
    for (const workload of contribution.workloads ?? []) touchWorkload(workload, [before, after], touched);
    for (const routing of contribution.routings ?? []) {
      touched.add(cell.routingObject(routing.object.metadata.namespace, routing.object.metadata.name));
      for (const host of routing.hosts) touched.add(cell.routing(host));
      for (const host of mirrorHostsOf(routing)) touched.add(cell.mirrors(host));
    }
    for (const { host } of contribution.trafficRules ?? []) touched.add(cell.trafficRules(host));
    for (const { namespace, name } of contribution.secrets ?? []) touched.add(cell.secret(namespace, name));
    for (const { namespace } of contribution.peerAuthentications ?? []) touched.add(cell.peerAuthentications(namespace));
    for (const { object, namespace } of contribution.policies ?? []) touched.add(cell.policies(object.kind, namespace));
    if ((contribution.gateways ?? []).length > 0) touched.add(cell.gateways);
    if ((contribution.sidecars ?? []).length > 0) touched.add(cell.sidecars);
    if ((contribution.plugins ?? []).length > 0) touched.add(cell.plugins);
    if ((contribution.proxySettings ?? []).length > 0) touched.add(cell.proxySettings);
  }
  touchNames(gone, come, touched);
  return touched;
}

function touchService(service: Service, touched: Set<Cell>): void {
  touched.add(cell.service(service.host));
  touched.add(cell.endpoints(service.host));
  if (service.selector !== undefined) touched.add(cell.selectors(service.namespace));
  for (const { address } of service.endpoints) touched.add(cell.address(address));
}

function touchWorkload(workload: Workload, meshes: readonly Indices[], touched: Set<Cell>): void {
  for (const address of workload.addresses) touched.add(cell.address(address));
  for (const { selecting, endpointAddresses } of meshes) {
    for (const { selector, host } of selecting.get(workload.namespace) ?? []) {
      if (selector !== undefined && selects(selector, workload.labels)) touched.add(cell.endpoints(host));
    }
    // A slice takes labels and identity of an address from its workload.
    for (const address of workload.addresses) {
      for (const { host } of endpointAddresses.get(`${workload.namespace} ${address}`) ?? []) touched.add(cell.endpoints(host));
    }
  }
}

/**
 * Which names there are is of interest to everyone who lists them; so these cells are touched only where a name, or who sees it, is another than before: a new weight is none.
 */
function touchNames(gone: readonly Contribution[], come: readonly Contribution[], touched: Set<Cell>): void {
  const services = (contributions: readonly Contribution[]): string =>
    names(
      contributions.flatMap(({ services = [] }) =>
        services.map(({ host, namespace, exportTo }) => `${host} ${namespace} ${exportTo.join()}`),
      ),
    );
  if (services(gone) !== services(come)) touched.add(cell.hosts);

  const routings = (contributions: readonly Contribution[]) => contributions.flatMap((contribution) => contribution.routings ?? []);
  const seen = (contributions: readonly Contribution[]): string =>
    names(
      routings(contributions).map((routing) => {
        const { hosts, gateways, exportTo, object, http } = routing;
        const { namespace, name } = object.metadata;
        // Delegates are found by their names, and bring destinations of their own.
        const delegates = http.flatMap(({ delegate }) => (delegate === undefined ? [] : [`${delegate.namespace}/${delegate.name}`]));
        const self = hosts.length === 0 ? `${namespace}/${name}` : namespace;
        return [hosts, gateways, exportTo, self, [...destinationHosts(routing)], delegates].join(" ");
      }),
    );
  if (seen(gone) === seen(come)) return;
  touched.add(cell.routedHosts);
  for (const routing of [...routings(gone), ...routings(come)])
    for (const gateway of gatewaysOf(routing)) touched.add(cell.gatewayHosts(gateway));
}

function names(entries: readonly string[]): string {
  return entries.toSorted().join("\n");
}

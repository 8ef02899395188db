import {
  type Client,
  covers,
  type HostName,
  isVisible,
  isWildcard,
  type Routing,
  type SidecarEgress,
  type SidecarScope,
} from "../model/index.ts";
import { cell, type Reads } from "./cell.ts";
import { withDelegates } from "./delegation.ts";
import { destinationHosts } from "./destinations.ts";
import type { Mesh } from "./mesh.ts";
import { delegateOf, MESH_GATEWAY } from "./routing-choice.ts";
import { sidecarAmong } from "./sidecar-choice.ts";

/** The Sidecar in force for a client; gateways have none. */
export function sidecarOf(mesh: Mesh, client: Pick<Client, "type" | "namespace" | "labels">): SidecarScope | undefined {
  return client.type === "sidecar" ? sidecarAmong(mesh.sidecars(), mesh.settings.rootNamespace, client) : undefined;
}

interface ImportedHosts {
  /** Of services. */
  readonly services: readonly HostName[];
  /** Of routings that are no service, and no wildcard over one. */
  readonly routed: readonly HostName[];
}

const known = new WeakMap<object, Map<string, ImportedHosts>>();

/** What a client knows by name. */
export function importedHosts(mesh: Mesh, client: Client, reads: Reads): ImportedHosts {
  reads.cells.add(cell.hosts).add(cell.routedHosts).add(cell.sidecars).add(cell.settings);
  let byClient = known.get(mesh.names);
  if (byClient === undefined) known.set(mesh.names, (byClient = new Map<string, ImportedHosts>()));
  const key = JSON.stringify([client.type, client.namespace, client.labels]);
  let imported = byClient.get(key);
  if (imported === undefined) byClient.set(key, (imported = importHosts(mesh, client)));
  return imported;
}

function importHosts(mesh: Mesh, client: Client): ImportedHosts {
  const egress = sidecarOf(mesh, client)?.egress;
  const services = new Set<HostName>();
  for (const { host, namespace, exportTo } of mesh.services()) {
    if (isVisible(exportTo, namespace, client.namespace) && imports(egress, namespace, host, client.namespace)) services.add(host);
  }
  const routed = new Set<HostName>();
  for (const routing of mesh.routings()) {
    if (client.type !== "sidecar" || !isMeant(routing, client, egress)) continue;
    // Whoever may call a host may follow its routes to where they lead, those of delegates too (Istio's `ConvertToSidecarScope`).
    if (egress !== undefined) {
      const whole = withDelegates(routing, (from, name) => delegateOf(mesh, routing, from, name));
      for (const host of destinationHosts(whole)) addVisible(host);
    }
    for (const host of routing.hosts) if (!stands(host)) routed.add(host);
  }
  return { services: [...services].sort(), routed: [...routed].sort() };

  function addVisible(host: HostName): void {
    if (mesh.servicesOf(host).some(({ exportTo, namespace }) => isVisible(exportTo, namespace, client.namespace))) services.add(host);
  }

  function stands(host: HostName): boolean {
    return isWildcard(host) ? [...services].some((service) => covers(host, service)) : services.has(host);
  }
}

function isMeant({ exportTo, gateways, object, hosts }: Routing, client: Client, egress: readonly SidecarEgress[] | undefined): boolean {
  const { namespace } = object.metadata;
  return (
    gateways.includes(MESH_GATEWAY) &&
    isVisible(exportTo, namespace, client.namespace) &&
    hosts.some((host) => imports(egress, namespace, host, client.namespace))
  );
}

/** Whether some egress listener lets a host of a namespace in; without a Sidecar everything is. */
export function imports(egress: readonly SidecarEgress[] | undefined, namespace: string, host: HostName, clientNamespace: string): boolean {
  if (egress === undefined || egress.length === 0) return true;
  return egress.some(({ hosts }) =>
    hosts.some((each) => {
      const from = each.namespace === "." ? clientNamespace : each.namespace;
      return (from === "*" || from === namespace) && (covers(each.host, host) || covers(host, each.host));
    }),
  );
}

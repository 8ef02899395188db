import type { Endpoint, HostName, Labels, Peer, TlsMode } from "../model/index.ts";
import { selects } from "../model/index.ts";
import type { Grouped } from "./grouped.ts";
import { regroup } from "./grouped.ts";
import type { Indices } from "./indices.ts";
import { sidecarAmong } from "./sidecar-choice.ts";

/** Proxies that came, also those that tell something else of themselves now, and those that are to be forgotten. */
export interface PeerChange {
  readonly come: readonly Peer[];
  readonly gone: readonly Peer[];
}

/** Peers by each `namespace address` of theirs. */
export function regroupPeers(peers: Grouped<Peer>, { come, gone }: PeerChange): Grouped<Peer> {
  const keyed = (list: readonly Peer[]) => list.flatMap((peer) => keysOf(peer).map((key) => [key, peer] as const));
  return regroup(peers, keyed(gone), keyed(come), (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

export function keysOf({ namespace, addresses }: Pick<Peer, "namespace" | "addresses">): readonly string[] {
  return [...new Set(addresses.map((address) => `${namespace} ${address}`))];
}

/** Hosts of services behind which some of the given `namespace address` stand. */
export function hostsAt(index: Indices, keys: Iterable<string>): ReadonlySet<HostName> {
  const hosts = new Set<HostName>();
  for (const key of keys) {
    for (const { host } of index.endpointAddresses.get(key) ?? []) hosts.add(host);
    for (const { host } of index.listing.get(key) ?? []) hosts.add(host);
    const [namespace = "", address = ""] = key.split(" ", 2);
    for (const workload of index.addresses.get(address) ?? []) {
      if (workload.namespace !== namespace) continue;
      for (const { selector, host } of index.selecting.get(namespace) ?? [])
        if (selector !== undefined && selects(selector, workload.labels)) hosts.add(host);
    }
  }
  return hosts;
}

/** What tells which proxies there are, and what they listen on. */
export type PeerIndex = Pick<Indices, "peers" | "sidecars">;

/**
 * The proxies that take connections to an endpoint: those whose Sidecar lists its ports, else those to which everything at its address is redirected. Where the account of its workload is known, proxies of
 * others are none of them: a proxy says itself which addresses it has.
 */
export function peersBefore(endpoint: Reached, { peers, sidecars }: PeerIndex, rootNamespace: string): readonly Peer[] {
  const { namespace, address, serviceAccount: known } = endpoint;
  const found = (peers.get(`${namespace} ${address}`) ?? []).filter(({ serviceAccount }) => known === "" || serviceAccount === known);
  const listening = found.filter((peer) => !peer.redirected && listensOn(peer, Object.values(endpoint.ports)));
  return listening.length > 0 ? listening : found.filter(({ redirected }) => redirected);

  function listensOn(peer: Peer, ports: readonly number[]): boolean {
    const { ingress = [] } = sidecarAmong(sidecars, rootNamespace, peer) ?? {};
    // A listener with TLS of its own is not for the mesh's.
    return ports.length > 0 && ports.every((number) => ingress.some(({ port, tls }) => port.number === number && tls === undefined));
  }
}

type Reached = Pick<Endpoint, "namespace" | "address" | "ports" | "serviceAccount">;

/**
 * An endpoint with what its proxy told of itself. A label that says `disabled` is believed, and one that says `istio` unless every proxy before it says that it has no certificate; where
 * there is no label, the proxies say it. Of several, as on a machine with many workloads, one that has a certificate goes before those that say they have none: nobody takes mTLS from another. Where all of
 * them drain, so does the endpoint.
 */
export function withPeers(endpoint: Endpoint, index: PeerIndex, rootNamespace: string): Endpoint {
  const found = peersBefore(endpoint, index, rootNamespace);
  if (found.length === 0) return endpoint;
  const tlsMode = modeOf(endpoint.tlsMode, found);
  const serviceAccount = endpoint.serviceAccount || accountOf(found);
  const health = endpoint.health === "healthy" && found.every(({ draining }) => draining === true) ? "draining" : endpoint.health;
  const isSame = tlsMode === endpoint.tlsMode && serviceAccount === endpoint.serviceAccount && health === endpoint.health;
  return isSame ? endpoint : { ...endpoint, tlsMode, serviceAccount, health };
}

function modeOf(label: TlsMode | undefined, peers: readonly Peer[]): TlsMode | undefined {
  if (label === "disabled") return label;
  if (peers.some(({ identity }) => identity)) return "istio";
  return label === undefined ? undefined : "disabled";
}

function accountOf([first, ...others]: readonly Peer[]): string {
  return first !== undefined && others.every(({ serviceAccount }) => serviceAccount === first.serviceAccount) ? first.serviceAccount : "";
}

/** Labels by which policies select the workload of an endpoint: those of its object, and what its proxy adds. */
export function labelsOf(endpoint: Reached & Pick<Endpoint, "labels">, index: PeerIndex, rootNamespace: string): Labels {
  const [only, ...others] = peersBefore(endpoint, index, rootNamespace);
  return only === undefined || others.length > 0 ? endpoint.labels : { ...only.labels, ...endpoint.labels };
}

import { type Protocol, type ProxyView, type TcpRoute, type TlsRoute } from "../../../../model/index.ts";
import { isAnyAddress } from "../address.ts";
import type { Chain } from "../filter-chain.ts";
import { toDestinations, toService } from "../tcp-proxy.ts";
import type { OutboundListener, PlannedChain } from "./plan.ts";

type PlannedTcp = Extract<PlannedChain, { readonly kind: "tcp" }>;

/** The chains of one service on a listener: what its routes of TLS or TCP say, else all of it to the service itself. */
export function tcpChains(view: ProxyView, listener: OutboundListener, planned: PlannedTcp): readonly Chain[] {
  return isTls(planned.protocol) ? tlsChains(view, listener, planned) : plainChains(view, listener, planned);
}

function isTls(protocol: Protocol): boolean {
  return protocol === "tls" || protocol === "https";
}

/** By SNI (VirtualService's `tls`). Of two matches that ask for the same, the first counts. */
function tlsChains(view: ProxyView, { bind, port }: OutboundListener, { host, ranges, port: clusterPort }: PlannedTcp): readonly Chain[] {
  const chains: Chain[] = [];
  const seen = new Set<string>();
  for (const route of view.routing(host)?.tls ?? []) {
    for (const match of route.match) {
      if (route.route.length === 0 || (match.port !== undefined && match.port !== port)) continue;
      const key = `${match.sniHosts.join()}|${match.destinationSubnets.join()}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const destinations = match.destinationSubnets.length > 0 && port > 0 ? match.destinationSubnets : ranges;
      chains.push({ serverNames: match.sniHosts, destinations, filters: toDestinations(view, route.route, port, statPrefix(route)) });
    }
  }
  if (chains.length > 0) return chains;
  // A listener of the service's own address knows whom it is for; elsewhere the name tells.
  const byName = ranges.length > 0 || isAnyAddress(bind);
  return [{ ...(byName ? { serverNames: [host] } : {}), destinations: ranges, filters: toService(view, host, clusterPort) }];
}

/** By port and destination (VirtualService's `tcp`), up to the first route that takes everything. */
function plainChains(view: ProxyView, { port }: OutboundListener, { host, ranges, port: clusterPort }: PlannedTcp): readonly Chain[] {
  const chains: Chain[] = [];
  for (const route of view.routing(host)?.tcp ?? []) {
    if (route.route.length === 0) continue;
    const matches = route.match.filter((match) => match.port === undefined || match.port === port);
    if (route.match.length > 0 && matches.length === 0) continue;
    const filters = toDestinations(view, route.route, port, statPrefix(route));
    if (matches.length === 0 || port === 0 || matches.some(({ destinationSubnets }) => destinationSubnets.length === 0)) {
      chains.push({ destinations: ranges, filters });
      return chains;
    }
    chains.push({ destinations: matches.flatMap(({ destinationSubnets }) => destinationSubnets), filters });
  }
  chains.push({ destinations: ranges, filters: toService(view, host, clusterPort) });
  return chains;
}

function statPrefix({ object: { metadata } }: TlsRoute | TcpRoute): string {
  return `${metadata.name}.${metadata.namespace}`;
}

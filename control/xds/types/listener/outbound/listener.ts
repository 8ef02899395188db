import { milliseconds } from "../../../../envoy-api/index.ts";
import type { ListenerSchema } from "../../../../envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import { TrafficDirection } from "../../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import type { ProxyView } from "../../../../model/index.ts";
import { listenerName, listensOn } from "../address.ts";
import { type Chain, filterChain, plainHttp, takesAll, takesSame } from "../filter-chain.ts";
import { httpConnectionManager } from "../http-connection-manager.ts";
import { withNetworkPlugins } from "../network-plugins.ts";
import { outboundRoutes } from "../http-routes.ts";
import type { Init } from "../init.ts";
import { httpInspector, inspects, tlsInspector } from "../listener-filters.ts";
import { unknownDestination } from "./catch-all.ts";
import type { OutboundListener, PlannedChain } from "./plan.ts";
import { tcpChains } from "./tcp-chains.ts";

/** Envoy's listener for what {@link planOutbound} has planned. */
export function outboundListener(view: ProxyView, planned: OutboundListener): Init<typeof ListenerSchema> {
  const { bind, more, port, bindToPort } = planned;
  const chains = distinct(planned.chains.flatMap((chain) => chainsOf(view, planned, chain)));
  const fallback = chains.find(takesAll);
  const others = chains.filter((chain) => chain !== fallback);
  const only = fallback !== undefined && others.length === 0 ? [fallback] : others;
  const inspectors = inspects(chains);
  return {
    name: listenerName(bind, port),
    ...listensOn([bind, ...more], port),
    trafficDirection: TrafficDirection.OUTBOUND,
    // One connection for each wake-up, as in Istio, so that connections spread over the workers.
    ...(bindToPort ? { maxConnectionsToAcceptPerSocketEvent: 1 } : { bindToPort: false }),
    listenerFilters: [...(inspectors.tls ? [tlsInspector] : []), ...(inspectors.http ? [httpInspector] : [])],
    // 0 waits for the first bytes for ever: a timeout would take protocols in which the client is slow for others.
    listenerFiltersTimeout: milliseconds(inspectors.http ? view.settings().protocolDetectionTimeout : 0),
    continueOnListenerFiltersTimeout: true,
    filterChains: only.map(filterChain),
    // What no chain takes would be cut off; Istio sends it where unknown hosts go (https://github.com/istio/istio/issues/26079).
    ...(only.includes(fallback as Chain)
      ? {}
      : { defaultFilterChain: filterChain(fallback ?? { name: "PassthroughFilterChain", filters: unknownDestination(view) }) }),
  };
}

function chainsOf(view: ProxyView, listener: OutboundListener, planned: PlannedChain): readonly Chain[] {
  const chains = planned.kind === "tcp" ? tcpChains(view, listener, planned) : httpChains(view, listener, planned);
  return chains.map((chain) => ({ ...chain, filters: withNetworkPlugins(view, "outbound", listener.port, chain) }));
}

function httpChains(
  view: ProxyView,
  { bind, port }: OutboundListener,
  planned: Exclude<PlannedChain, { readonly kind: "tcp" }>,
): readonly Chain[] {
  const filters = [
    httpConnectionManager(view, {
      side: "outbound",
      statPrefix: `outbound_${listenerName(bind, port)}`,
      routes: outboundRoutes(view.client(), port, planned),
      port,
      protocol: planned.protocol,
    }),
  ];
  return [planned.sniffed ? { filters, applicationProtocols: plainHttp(view.client()), transportProtocol: "raw_buffer" } : { filters }];
}

/** Envoy refuses a listener with two chains for the same; the first counts, and services come oldest first. */
function distinct(chains: readonly Chain[]): readonly Chain[] {
  return chains.filter((chain, index) => !chains.slice(0, index).some((earlier) => takesSame(earlier, chain)));
}

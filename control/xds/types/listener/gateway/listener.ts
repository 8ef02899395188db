import { TrafficDirection } from "../../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import type { ListenerSchema } from "../../../../envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import type { ProxyView } from "../../../../model/index.ts";
import { listenerLogs } from "../access-log.ts";
import { listenerName, listensOn } from "../address.ts";
import { type Chain, filterChain, takesSame } from "../filter-chain.ts";
import type { Init } from "../init.ts";
import { inspects, proxyProtocol, tlsInspector } from "../listener-filters.ts";
import { serverChains } from "./chains.ts";
import { type GatewayListener, planGateway } from "./plan.ts";

/** Envoy's 32 KiB for proxies that strangers reach (https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/best_practices/edge). */
const EDGE_BUFFER = 32_768;

/** The listeners of a gateway's proxy; one whose servers lead nowhere is left out. */
export function gatewayListeners(view: ProxyView): readonly Init<typeof ListenerSchema>[] {
  return planGateway(view).flatMap((planned) => gatewayListener(view, planned));
}

function gatewayListener(view: ProxyView, planned: GatewayListener): readonly Init<typeof ListenerSchema>[] {
  const { binds, port, kind, servers } = planned;
  // Plain HTTP is told apart by hosts, all in one set of routes.
  const [first] = servers;
  const chains = distinct(
    (kind === "http" ? (first === undefined ? [] : [first]) : servers).flatMap((server) => serverChains(view, planned, server)),
  );
  if (chains.length === 0) return [];
  const { gatewayTopology, connectionSettings } = view.proxySettings();
  const buffer =
    connectionSettings.listenerPerConnectionBufferLimitBytes ?? (connectionSettings.profile === "EDGE" ? EDGE_BUFFER : undefined);
  return [
    {
      name: listenerName(binds[0], port),
      ...listensOn(binds, port),
      trafficDirection: TrafficDirection.OUTBOUND,
      accessLog: listenerLogs(view, "gateway"),
      listenerFilters: [...(gatewayTopology.proxyProtocol ? [proxyProtocol] : []), ...(inspects(chains).tls ? [tlsInspector] : [])],
      filterChains: chains.map(filterChain),
      maxConnectionsToAcceptPerSocketEvent: 1,
      ...(buffer === undefined ? {} : { perConnectionBufferLimitBytes: buffer }),
    },
  ];
}

function distinct(chains: readonly Chain[]): readonly Chain[] {
  return chains.filter((chain, index) => !chains.slice(0, index).some((earlier) => takesSame(earlier, chain)));
}

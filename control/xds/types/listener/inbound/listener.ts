import { isIP, isIPv4, isIPv6 } from "node:net";
import { milliseconds } from "../../../../envoy-api/index.ts";
import { TrafficDirection } from "../../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import type { ListenerSchema } from "../../../../envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import type { ProxyView } from "../../../../model/index.ts";
import { BLACK_HOLE_CLUSTER } from "../../cluster-name.ts";
import { listenerLogs } from "../access-log.ts";
import { anyAddress, type Binds, listenerName, listensOn } from "../address.ts";
import { type Chain, filterChain } from "../filter-chain.ts";
import type { Init } from "../init.ts";
import {
  exceptPorts,
  httpInspector,
  looksForHttp,
  onlyPorts,
  originalDestination,
  originalSource,
  tlsInspector,
} from "../listener-filters.ts";
import { toCluster } from "../tcp-proxy.ts";
import { inboundChains, passthroughChains } from "./chains.ts";
import { type InboundPort, inboundPorts } from "./ports.ts";

/**
 * Where redirected connections to the workload arrive: a chain for each of its ports, and chains for all others, which go to the port that they were meant for.
 * Connections to the port of the listener itself end here, or they would come back for ever.
 */
export function virtualInbound(view: ProxyView): Init<typeof ListenerSchema> {
  const { proxyInboundListenPort } = view.settings();
  const ports = inboundPorts(view);
  const chains: Chain[] = [
    { name: "virtualInbound-blackhole", destinationPort: proxyInboundListenPort, filters: toCluster(view, "inbound", BLACK_HOLE_CLUSTER) },
    ...passthroughChains(view, ports),
    ...ports.filter(({ bindToPort }) => !bindToPort).flatMap((port) => inboundChains(view, port)),
  ];
  const isTransparent = view.client().interceptionMode === "TPROXY";
  return {
    ...listener(view, "virtualInbound", anyAddress(view.client()), proxyInboundListenPort, chains),
    listenerFilters: [originalDestination, ...(isTransparent ? [originalSource] : []), ...inspectors(chains)],
    ...(isTransparent ? { transparent: true } : {}),
  };
}

/** A listener of its own for one port, where nobody redirects. */
export function boundInbound(view: ProxyView, port: InboundPort): Init<typeof ListenerSchema> {
  const binds: Binds = port.bind === undefined ? ownAddresses(view) : [port.bind];
  const chains = inboundChains(view, { ...port, bind: binds[0] });
  return {
    ...listener(view, listenerName(binds[0], port.targetPort), binds, port.targetPort, chains),
    listenerFilters: inspectors(chains),
  };
}

/**
 * The workload's own addresses, one of each family: it may have the same port of the loopback interface, so the listener cannot be of every address (Istio's
 * `getSidecarInboundBindIPs`). Every address where the proxy has none but such.
 */
function ownAddresses(view: ProxyView): Binds {
  const addresses = view
    .proxy()
    .addresses.filter((address) => isIP(address) !== 0 && !/^(127\.|169\.254\.|0\.0\.0\.0$|::1?$|fe[89ab])/i.test(address));
  const [first, ...more] = [addresses.find(isIPv4), addresses.find(isIPv6)].filter((address) => address !== undefined);
  return first === undefined ? anyAddress(view.client()) : [first, ...more];
}

function listener(view: ProxyView, name: string, binds: Binds, port: number, chains: readonly Chain[]): Init<typeof ListenerSchema> {
  return {
    name,
    ...listensOn(binds, port),
    trafficDirection: TrafficDirection.INBOUND,
    accessLog: listenerLogs(view, "inbound"),
    filterChains: chains.map(filterChain),
    listenerFiltersTimeout: milliseconds(view.settings().protocolDetectionTimeout),
    continueOnListenerFiltersTimeout: true,
    maxConnectionsToAcceptPerSocketEvent: 1,
  };
}

/** Bytes are waited for on those ports alone where they decide: elsewhere the server may be the one to speak first. */
function inspectors(chains: readonly Chain[]): Init<typeof ListenerSchema>["listenerFilters"] & object {
  const ports = new Map<number, { tls: boolean; http: boolean }>();
  for (const { destinationPort = 0, transportProtocol, applicationProtocols = [] } of chains) {
    const at = ports.get(destinationPort) ?? { tls: false, http: false };
    ports.set(destinationPort, { tls: at.tls || transportProtocol === "tls", http: at.http || looksForHttp({ applicationProtocols }) });
  }
  const without = (what: "tls" | "http"): number[] => [...ports].filter(([port, at]) => port !== 0 && !at[what]).map(([port]) => port);
  const having = (what: "tls" | "http"): number[] => [...ports].filter(([port, at]) => port !== 0 && at[what]).map(([port]) => port);
  const needs = (what: "tls" | "http"): boolean => [...ports.values()].some((at) => at[what]);
  const everywhere = (what: "tls" | "http"): boolean => ports.get(0)?.[what] === true;
  const list = [];
  if (needs("tls")) list.push(everywhere("tls") ? exceptPorts(tlsInspector, without("tls")) : onlyPorts(tlsInspector, having("tls")));
  // After the TLS inspector, because it does not look into what that one took for TLS.
  if (needs("http")) list.push(everywhere("http") ? exceptPorts(httpInspector, without("http")) : onlyPorts(httpInspector, having("http")));
  return list;
}

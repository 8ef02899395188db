import type { Filter, FilterChain } from "../../envoy-api/generated/envoy/config/listener/v3/listener_components_pb.ts";
import type { Listener } from "../../envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import type { EnvoyPatch } from "../../model/index.ts";
import { valueOf } from "./bound-patch.ts";
import { mergeFilter } from "./filter-config.ts";
import { indexIn, insert, removeFrom } from "./lists.ts";

/** The listeners in which chains are for ports: there the port of a match is a chain's (Istio's `VirtualInboundListenerName`). */
const VIRTUAL: ReadonlySet<string> = new Set(["virtualInbound", "virtualOutbound"]);

/** Whether a listener is meant, as far as that can be told without its chains (Istio's `listenerMatch`). */
export function matchesListener({ name, address }: Listener, { applyTo, listener: match }: EnvoyPatch): boolean {
  if (match === undefined) return true;
  if (match.name !== undefined && match.name !== name) return false;
  if (match.portNumber === undefined || (applyTo !== "LISTENER" && VIRTUAL.has(name))) return true;
  const socket = address?.address;
  if (socket?.case !== "socketAddress") return false;
  return socket.value.portSpecifier.case === "portValue" && socket.value.portSpecifier.value === match.portNumber;
}

/** The chains of a listener that a patch means (Istio's `filterChainMatch`). */
export function chainsFor(listener: Listener, patch: EnvoyPatch): readonly FilterChain[] {
  const { filterChains, defaultFilterChain } = listener;
  const all = defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
  return all.filter((chain) => matchesChain(listener, chain, patch));
}

function matchesChain({ name }: Listener, chain: FilterChain, { listener: match }: EnvoyPatch): boolean {
  if (match === undefined) return true;
  const taken = chain.filterChainMatch;
  if (VIRTUAL.has(name) && match.portNumber !== undefined && taken?.destinationPort !== match.portNumber) return false;
  const { filterChain } = match;
  if (filterChain === undefined) return true;
  return (
    (filterChain.name === undefined || filterChain.name === chain.name) &&
    (filterChain.sni === undefined || taken?.serverNames.includes(filterChain.sni) === true) &&
    (filterChain.transportProtocol === undefined || taken?.transportProtocol === filterChain.transportProtocol) &&
    filterChain.applicationProtocols.every((each) => taken?.applicationProtocols.includes(each) === true) &&
    (filterChain.destinationPort === undefined || taken?.destinationPort === filterChain.destinationPort)
  );
}

/** Takes the chains out that a patch means. */
export function removeChains(listener: Listener, patch: EnvoyPatch): boolean {
  const meant = new Set(chainsFor(listener, patch));
  if (meant.size === 0) return false;
  listener.filterChains = listener.filterChains.filter((each) => !meant.has(each));
  if (listener.defaultFilterChain !== undefined && meant.has(listener.defaultFilterChain)) delete listener.defaultFilterChain;
  return true;
}

/** Changes the network filters of a chain by one patch that is not MERGE (Istio's `patchNetworkFilters`); whether anything changed. */
export function patchNetworkFilters({ filters }: FilterChain, patch: EnvoyPatch): boolean {
  const name = patch.listener?.filterChain?.filter?.name;
  const index = indexIn(filters, (each) => each.name === name);
  switch (patch.operation) {
    case "REMOVE":
      return removeFrom(filters, (each) => each.name === name);
    case "REPLACE":
      if (index !== undefined) filters.splice(index, 1, valueOf<Filter>(patch));
      return index !== undefined;
    default:
      return insert(filters, patch, valueOf(patch), { index, isNamed: name !== undefined }, indexIn(filters, isTerminal) ?? filters.length);
  }
}

export function mergeNetworkFilters({ filters }: FilterChain, patch: EnvoyPatch): boolean {
  const name = patch.listener?.filterChain?.filter?.name;
  const meant = filters.filter((each) => name === undefined || each.name === name);
  for (const each of meant) mergeFilter(each, valueOf<Filter>(patch));
  return meant.length > 0;
}

/** Network filters that make something of the bytes, so that nothing may stand behind them (Envoy's `isTerminalFilterByProto`). */
const TERMINAL =
  /\.(http_connection_manager\.v3\.HttpConnectionManager|tcp_proxy\.v3\.TcpProxy|redis_proxy\.v3\.RedisProxy|thrift_proxy\.v3\.ThriftProxy|dubbo_proxy\.v3\.DubboProxy|generic_proxy\.v3\.GenericProxy|echo\.v3\.Echo|direct_response\.v3\.Config)$/;

export function isTerminal({ configType }: Filter): boolean {
  return configType.case === "typedConfig" && TERMINAL.test(configType.value.typeUrl);
}

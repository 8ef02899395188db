import type { Init } from "./init.ts";
import { pack } from "../../../envoy-api/index.ts";
import type {
  ListenerFilterChainMatchPredicateSchema,
  ListenerFilterSchema,
} from "../../../envoy-api/generated/envoy/config/listener/v3/listener_components_pb.ts";
import { HttpInspectorSchema } from "../../../envoy-api/generated/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.ts";
import { OriginalDstSchema } from "../../../envoy-api/generated/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.ts";
import { OriginalSrcSchema } from "../../../envoy-api/generated/envoy/extensions/filters/listener/original_src/v3/original_src_pb.ts";
import { ProxyProtocolSchema } from "../../../envoy-api/generated/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.ts";
import { TlsInspectorSchema } from "../../../envoy-api/generated/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts";
import { type Chain, PLAIN_HTTP } from "./filter-chain.ts";

export type ListenerFilter = Init<typeof ListenerFilterSchema>;
type Predicate = Init<typeof ListenerFilterChainMatchPredicateSchema>;

/** Where the connection went before it was redirected. */
export const originalDestination: ListenerFilter = {
  name: "envoy.filters.listener.original_dst",
  configType: { case: "typedConfig", value: pack(OriginalDstSchema, {}) },
};

/**
 * Connects on with the client's own address, as far as connections are diverted by TPROXY. The mark is the one by which the rules of Istio's `istio-iptables` know such connections and lead the
 * answers back.
 */
export const originalSource: ListenerFilter = {
  name: "envoy.filters.listener.original_src",
  configType: { case: "typedConfig", value: pack(OriginalSrcSchema, { mark: 1337 }) },
};

/** Takes the client's address from a PROXY header, which every connection must begin with. */
export const proxyProtocol: ListenerFilter = {
  name: "envoy.filters.listener.proxy_protocol",
  configType: { case: "typedConfig", value: pack(ProxyProtocolSchema, {}) },
};

/** 512 bytes at first, as Istio has it; Envoy's default keeps 64 KiB for each connection. */
export const tlsInspector: ListenerFilter = {
  name: "envoy.filters.listener.tls_inspector",
  configType: { case: "typedConfig", value: pack(TlsInspectorSchema, { initialReadBufferSize: 512 }) },
};

export const httpInspector: ListenerFilter = {
  name: "envoy.filters.listener.http_inspector",
  configType: { case: "typedConfig", value: pack(HttpInspectorSchema, {}) },
};

/** Whether the first bytes tell which of the chains takes a connection, by TLS or by HTTP. */
export function inspects(chains: readonly Chain[]): { readonly tls: boolean; readonly http: boolean } {
  return {
    tls: chains.some(
      ({ serverNames = [], tls, transportProtocol }) => serverNames.length > 0 || tls !== undefined || transportProtocol === "tls",
    ),
    http: chains.some(looksForHttp),
  };
}

/** Whether a chain asks what the HTTP inspector finds; names of protocols inside of TLS come from the other one. */
export function looksForHttp({ applicationProtocols = [] }: Pick<Chain, "applicationProtocols">): boolean {
  return applicationProtocols.some((protocol) => (PLAIN_HTTP as readonly string[]).includes(protocol));
}

/** The filter for all connections but those to the given ports: an inspector waits for bytes, which breaks protocols in which the server speaks first. */
export function exceptPorts(filter: ListenerFilter, ports: readonly number[]): ListenerFilter {
  if (ports.length === 0) return filter;
  return { ...filter, filterDisabled: anyPort(ports) };
}

/** The filter for connections to the given ports alone. */
export function onlyPorts(filter: ListenerFilter, ports: readonly number[]): ListenerFilter {
  if (ports.length === 0) return filter;
  return { ...filter, filterDisabled: { rule: { case: "notMatch", value: anyPort(ports) } } };
}

function anyPort(ports: readonly number[]): Predicate {
  const rules = ports
    .toSorted((a, b) => a - b)
    .map((port): Predicate => ({ rule: { case: "destinationPortRange", value: { start: port, end: port + 1 } } }));
  const [first] = rules;
  return rules.length === 1 && first !== undefined ? first : { rule: { case: "orMatch", value: { rules } } };
}

import { isIP } from "node:net";
import type { Cluster, Extension, FilterChain, Listener, PluginConfig, SocketAddress, TypedConfig, VirtualHost } from "./types.ts";

const EXTENSIONS = "type.googleapis.com/envoy.extensions.";
const HTTP_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** Adds the type of an extension's message, named below `envoy.extensions.`. */
export function typed(message: string, fields: Readonly<Record<string, unknown>> = {}): TypedConfig {
  return { "@type": EXTENSIONS + message, ...fields };
}

export function address(host: string, port: number): SocketAddress {
  return { socket_address: { address: host, port_value: port } };
}

export function stringValue(value: string): TypedConfig {
  return { "@type": "type.googleapis.com/google.protobuf.StringValue", value };
}

export function bytesValue(bytes: Uint8Array): TypedConfig {
  return { "@type": "type.googleapis.com/google.protobuf.BytesValue", value: Buffer.from(bytes).toString("base64") };
}

/** A listener on a free port of the loopback interface. */
export function listener(name: string, filterChains: readonly FilterChain[], listenerFilters: readonly Extension[] = []): Listener {
  return { name, address: address("127.0.0.1", 0), listener_filters: listenerFilters, filter_chains: filterChains };
}

/** Takes addresses from a PROXY header, version 1 or 2, where a connection begins with one. */
export function proxyProtocol(): Extension {
  const fields = { allow_requests_without_proxy_protocol: true };
  return { name: "proxy_protocol", typed_config: typed("filters.listener.proxy_protocol.v3.ProxyProtocol", fields) };
}

export function tlsInspector(): Extension {
  return { name: "tls_inspector", typed_config: typed("filters.listener.tls_inspector.v3.TlsInspector") };
}

/** The HTTP connection manager; the router is added behind `httpFilters`. */
export function connectionManager(
  fields: Readonly<Record<string, unknown>>,
  httpFilters: readonly Extension[],
  virtualHosts: readonly VirtualHost[],
): Extension {
  return {
    name: "http_connection_manager",
    typed_config: typed("filters.network.http_connection_manager.v3.HttpConnectionManager", {
      ...fields,
      http_filters: [...httpFilters, { name: "router", typed_config: typed("filters.http.router.v3.Router") }],
      route_config: { name: "routes", virtual_hosts: virtualHosts },
    }),
  };
}

export function httpWasm(config: PluginConfig): Extension {
  return { name: config.name === "" ? "wasm" : config.name, typed_config: typed("filters.http.wasm.v3.Wasm", { config }) };
}

export function networkWasm(config: PluginConfig): Extension {
  return { name: config.name === "" ? "wasm" : config.name, typed_config: typed("filters.network.wasm.v3.Wasm", { config }) };
}

export function tcpProxy(cluster: string): Extension {
  return { name: "tcp_proxy", typed_config: typed("filters.network.tcp_proxy.v3.TcpProxy", { stat_prefix: "tcp", cluster }) };
}

/** An access log of one JSON object a line. */
export function jsonAccessLog(path: string, fields: Readonly<Record<string, string>>): Extension {
  return { name: "file", typed_config: typed("access_loggers.file.v3.FileAccessLog", { path, log_format: { json_format: fields } }) };
}

/** A filter in Lua, source and all. */
export function lua(name: string, source: string): Extension {
  return { name, typed_config: typed("filters.http.lua.v3.Lua", { default_source_code: { inline_string: source } }) };
}

/** `downstream`: the protocol in which the request came. */
export type UpstreamProtocol = "http1" | "http2" | "downstream";

/** A cluster of one host. The codec is added behind `upstreamFilters`. */
export function cluster(
  name: string,
  host: string,
  port: number,
  options: {
    readonly protocol?: UpstreamProtocol;
    readonly upstreamFilters?: readonly Extension[];
    readonly allowMetadata?: boolean;
    /** Bytes of HTTP/2's window of a stream, and of what may wait for it in Envoy. Default: Envoy's. */
    readonly streamWindow?: number;
  } = {},
): Cluster {
  const { protocol = "http1", upstreamFilters = [], allowMetadata = false, streamWindow } = options;
  const http1 = { http_protocol_options: { enable_trailers: true } };
  const http2 = {
    http2_protocol_options: {
      ...(allowMetadata && { allow_metadata: true }),
      ...(streamWindow !== undefined && { initial_stream_window_size: streamWindow }),
    },
  };
  const codec: Extension = { name: "upstream_codec", typed_config: typed("filters.http.upstream_codec.v3.UpstreamCodec") };
  const protocolOptions =
    protocol === "downstream"
      ? { use_downstream_protocol_config: { ...http1, ...http2 } }
      : { explicit_http_config: protocol === "http1" ? http1 : http2 };
  return {
    name,
    type: isIP(host) === 0 ? "STRICT_DNS" : "STATIC",
    connect_timeout: "5s",
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: address(host, port) } }] }] },
    typed_extension_protocol_options: {
      [HTTP_PROTOCOL_OPTIONS]: typed(HTTP_PROTOCOL_OPTIONS.replace("envoy.extensions.", ""), {
        ...protocolOptions,
        ...(upstreamFilters.length > 0 && { http_filters: [...upstreamFilters, codec] }),
      }),
    },
  };
}

/** The network filter that HTTP filters are in. */
export const MANAGER = "envoy.filters.network.http_connection_manager";

/** Names that Envoy had before 1.14, for which Istio still takes them (`DeprecatedFilterNames`). */
const OLD: ReadonlyMap<string, string> = new Map([
  ["envoy.buffer", "envoy.filters.http.buffer"],
  ["envoy.cors", "envoy.filters.http.cors"],
  ["envoy.csrf", "envoy.filters.http.csrf"],
  ["envoy.fault", "envoy.filters.http.fault"],
  ["envoy.grpc_http1_bridge", "envoy.filters.http.grpc_http1_bridge"],
  ["envoy.grpc_json_transcoder", "envoy.filters.http.grpc_json_transcoder"],
  ["envoy.grpc_web", "envoy.filters.http.grpc_web"],
  ["envoy.health_check", "envoy.filters.http.health_check"],
  ["envoy.ip_tagging", "envoy.filters.http.ip_tagging"],
  ["envoy.lua", "envoy.filters.http.lua"],
  ["envoy.rate_limit", "envoy.filters.http.ratelimit"],
  ["envoy.router", "envoy.filters.http.router"],
  ["envoy.echo", "envoy.filters.network.echo"],
  ["envoy.http_connection_manager", MANAGER],
  ["envoy.mongo_proxy", "envoy.filters.network.mongo_proxy"],
  ["envoy.ratelimit", "envoy.filters.network.ratelimit"],
  ["envoy.redis_proxy", "envoy.filters.network.redis_proxy"],
  ["envoy.tcp_proxy", "envoy.filters.network.tcp_proxy"],
  ["envoy.listener.http_inspector", "envoy.filters.listener.http_inspector"],
  ["envoy.listener.original_dst", "envoy.filters.listener.original_dst"],
  ["envoy.listener.original_src", "envoy.filters.listener.original_src"],
  ["envoy.listener.proxy_protocol", "envoy.filters.listener.proxy_protocol"],
  ["envoy.listener.tls_inspector", "envoy.filters.listener.tls_inspector"],
]);

/** A filter's name as Envoy has it today. */
export function canonicalName(name: string): string {
  return OLD.get(name) ?? name;
}

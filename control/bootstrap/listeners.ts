import { ADMIN_CLUSTER } from "./clusters.ts";
import { type Json, typed } from "./json.ts";

/** Ports that Istio's sidecars keep for themselves, and that capture leaves alone. */
export const STATUS_PORT = 15_021;
export const PROMETHEUS_PORT = 15_090;

/** `/stats/prometheus`: the statistics of this Envoy, for who scrapes them. */
export function prometheusListener(host: string, port: number, compressed: boolean): Json {
  return adminListener("prometheus", host, port, { path: "/stats/prometheus" }, compressed ? [COMPRESSOR] : []);
}

/** Statistics compress to a twentieth; who does not ask for it gets them as they are. */
const COMPRESSOR = {
  name: "envoy.filters.http.compressor",
  typed_config: typed("filters.http.compressor.v3.Compressor", {
    compressor_library: { name: "gzip", typed_config: typed("compression.gzip.compressor.v3.Gzip") },
  }),
};

/** `/healthz/ready`: 200 while this Envoy has its configuration and serves, 503 before and while it drains. */
export function statusListener(host: string, port: number): Json {
  return adminListener("status", host, port, { path: "/healthz/ready", rewrite: "/ready" });
}

interface Page {
  readonly path: string;
  /** What it is called by the admin interface. */
  readonly rewrite?: string;
}

/**
 * One page of the admin interface, to be read. Istio's routes match by prefix and any method; here the whole path must match, because what is behind it can also end
 * this Envoy.
 */
function adminListener(name: string, host: string, port: number, { path, rewrite }: Page, filters: readonly Json[] = []): Json {
  const match = { path, headers: [{ name: ":method", string_match: { exact: "GET" } }] };
  const route = { match, route: { cluster: ADMIN_CLUSTER, ...(rewrite !== undefined && { prefix_rewrite: rewrite }) } };
  const manager = typed("filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: name,
    generate_request_id: false,
    normalize_path: true,
    common_http_protocol_options: { idle_timeout: "300s" },
    route_config: { name, virtual_hosts: [{ name, domains: ["*"], routes: [route] }] },
    http_filters: [...filters, { name: "envoy.filters.http.router", typed_config: typed("filters.http.router.v3.Router") }],
  });
  return {
    name,
    stat_prefix: name,
    address: { socket_address: { address: host, port_value: port } },
    // It says how the proxy is also when that has no connection to spare.
    ignore_global_conn_limit: true,
    bypass_overload_manager: true,
    filter_chains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] }],
  };
}

import {
  CONNECTION_MANAGER,
  DEFAULT_CLUSTER,
  DEFAULT_NODE,
  DEFAULT_ROUTE,
  ROUTE_TIMEOUT,
  VIRTUAL_HOST,
  type ChainSpec,
  type RouteSpec,
} from "../../target/index.ts";
import {
  address,
  cluster,
  connectionManager,
  httpWasm,
  jsonAccessLog,
  listener,
  proxyProtocol,
  tlsInspector,
  typed,
  type Bootstrap,
  type Cluster,
  type Extension,
  type Route,
} from "../bootstrap/index.ts";
import { firstMarker, lastMarker, STREAM_NUMBER } from "./markers.ts";
import { pluginConfig } from "./plugin.ts";
import type { TlsIdentity } from "./certificates.ts";

export const LISTENER = "main";

/** Added behind the last filter for the upstream, which takes it out of its record: the port of the client's connection, and the stream's number. */
export const LANE_HEADER = "x-meshwright-lane";

/** Fields of an access log entry, by Envoy's operators. */
export const ACCESS_LOG = {
  port: "%DOWNSTREAM_DIRECT_REMOTE_PORT%",
  stream: STREAM_NUMBER,
  details: "%RESPONSE_CODE_DETAILS%",
  route: "%ROUTE_NAME%",
  cluster: "%UPSTREAM_CLUSTER_RAW%",
} as const;

export interface ChainSurroundings {
  /** Where Envoy reaches the scripted upstreams, the hosts of every cluster. */
  readonly upstreams: ReadonlyArray<{ readonly host: string; readonly port: number }>;
  /** The same for each cluster that filters call out to. */
  readonly callouts: ReadonlyMap<string, { readonly host: string; readonly port: number }>;
  readonly server: TlsIdentity;
}

/** An Envoy with one listener that runs the chain: HTTP/1.1 and HTTP/2, with and without TLS, addresses from the PROXY protocol. */
export function chainBootstrap(chain: ChainSpec, { upstreams, callouts, server }: ChainSurroundings): Bootstrap {
  const routes = chain.routes ?? [{ name: DEFAULT_ROUTE, match: { prefix: "/" }, cluster: DEFAULT_CLUSTER }];
  const clusters = chain.clusters ?? [...new Set(routes.flatMap((route) => route.cluster ?? []))];
  const manager = connectionManager(
    {
      ...CONNECTION_MANAGER,
      access_log: [jsonAccessLog("/dev/stderr", ACCESS_LOG)],
      // An early answer is lost where its connection is closed before the client, which sends on, has read it; the client closes it as soon as it has.
      delayed_close_timeout: "1s",
      http_protocol_options: { enable_trailers: true },
      upgrade_configs: [{ upgrade_type: "websocket" }],
    },
    [
      firstMarker(),
      ...(chain.grpcStats === true ? [grpcStats()] : []),
      ...chain.filters.map((filter) => httpWasm(pluginConfig(filter))),
      lastMarker(),
    ],
    [{ name: VIRTUAL_HOST, domains: ["*"], routes: routes.map(routeOf) }],
  );
  const upstreamFilters = [...(chain.upstreamFilters ?? []).map((filter) => httpWasm(pluginConfig(filter))), laneHeader()];
  const chains = [
    { name: "plain", filter_chain_match: { transport_protocol: "raw_buffer" as const }, filters: [manager] },
    {
      name: "tls",
      filter_chain_match: { transport_protocol: "tls" as const },
      filters: [manager],
      transport_socket: downstreamTls(server),
    },
  ];
  const direction = chain.trafficDirection;
  return {
    node: { ...DEFAULT_NODE, ...chain.node },
    static_resources: {
      listeners: [
        {
          ...listener(LISTENER, chains, [proxyProtocol(), tlsInspector()]),
          ...(direction !== undefined && { traffic_direction: direction }),
        },
      ],
      clusters: [
        ...clusters.map((name) => withMetadata(clusterOf(name, upstreams, upstreamFilters), chain)),
        ...[...callouts]
          .filter(([name]) => !clusters.includes(name))
          .map(([name, { host, port }]) => cluster(name, host, port, { protocol: "http2" })),
      ],
    },
    // Histograms are merged when somebody asks.
    stats_flush_on_admin: true,
  };
}

function clusterOf(name: string, hosts: ChainSurroundings["upstreams"], upstreamFilters: readonly Extension[]): Cluster {
  const [{ host, port } = { host: "", port: 0 }] = hosts;
  const endpoints = hosts.map((one) => ({ endpoint: { address: address(one.host, one.port) } }));
  return {
    ...cluster(name, host, port, { protocol: "downstream", upstreamFilters }),
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
  };
}

function withMetadata(plain: Cluster, { clusterMetadata, endpointMetadata }: ChainSpec): Cluster {
  const ofCluster = clusterMetadata?.[plain.name];
  const ofEndpoint = endpointMetadata?.[plain.name];
  const endpoints = plain.load_assignment.endpoints.map(({ lb_endpoints: hosts }) => ({
    lb_endpoints: hosts.map((host) => ({ ...host, ...(ofEndpoint !== undefined && { metadata: { filter_metadata: ofEndpoint } }) })),
  }));
  return {
    ...plain,
    load_assignment: { ...plain.load_assignment, endpoints },
    ...(ofCluster !== undefined && { metadata: { filter_metadata: ofCluster } }),
  };
}

function grpcStats(): Extension {
  return { name: "grpc_stats", typed_config: typed("filters.http.grpc_stats.v3.FilterConfig", { emit_filter_state: true }) };
}

function routeOf(route: RouteSpec): Route {
  const { match } = route;
  const action =
    route.directResponse === undefined
      ? {
          route: {
            ...(route.cluster !== undefined && { cluster: route.cluster }),
            ...(route.clusterHeader !== undefined && { cluster_header: route.clusterHeader }),
            timeout: `${route.timeout ?? ROUTE_TIMEOUT}s`,
          },
        }
      : {
          direct_response: {
            status: route.directResponse.status,
            ...(route.directResponse.body !== undefined && { body: { inline_string: route.directResponse.body } }),
          },
        };
  return {
    ...(route.name !== undefined && { name: route.name }),
    match: {
      ...(match.path === undefined ? { prefix: match.prefix ?? "/" } : { path: match.path }),
      headers: (match.headers ?? []).map(({ name, exact, present }) => ({
        name,
        ...(exact === undefined ? { present_match: present ?? true } : { string_match: { exact } }),
      })),
    },
    ...action,
    ...(route.requestHeadersToRemove !== undefined && { request_headers_to_remove: route.requestHeadersToRemove }),
    ...(route.responseHeadersToRemove !== undefined && { response_headers_to_remove: route.responseHeadersToRemove }),
  };
}

/** Behind the filters of the upstream chain, so that none of them sees it. */
function laneHeader(): Extension {
  const header = { key: LANE_HEADER, value: `${ACCESS_LOG.port} ${ACCESS_LOG.stream}` };
  return {
    name: "lane",
    typed_config: typed("filters.http.header_mutation.v3.HeaderMutation", {
      mutations: { request_mutations: [{ append: { header, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" } }] },
    }),
  };
}

function downstreamTls({ certificate, key, authority }: TlsIdentity): Extension {
  return {
    name: "tls",
    typed_config: typed("transport_sockets.tls.v3.DownstreamTlsContext", {
      require_client_certificate: false,
      common_tls_context: {
        alpn_protocols: ["h2", "http/1.1"],
        tls_certificates: [{ certificate_chain: { inline_string: certificate }, private_key: { inline_string: key } }],
        validation_context: { trusted_ca: { inline_string: authority } },
      },
    }),
  };
}

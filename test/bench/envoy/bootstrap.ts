const TYPE = "type.googleapis.com/envoy.extensions.filters.";

/** Envoy's JSON, as far as the benchmark needs it. */
export type Json = Readonly<Record<string, unknown>>;

export interface BenchBootstrap {
  /** HTTP filters before the router. */
  readonly filters: readonly Json[];
  /** Routes on every authority; default: one that answers 200. */
  readonly routes?: readonly Json[];
  /** Fields of the listeners' connection managers that find routes in another way, in the place of `routes`. */
  readonly manager?: Json;
  /** Port of an upstream that never answers; requests to `/hold` go there. */
  readonly holdPort?: number;
  /** Of the listeners' connection managers. Default: none. */
  readonly accessLog?: readonly Json[];
  /** Where there is a cluster `loopback`, which leads to a listener of the same Envoy. */
  readonly loopback?: Loopback;
  /** Port of an upstream elsewhere, the cluster `upstream`, which is spoken to in HTTP/1.1; and filters of its upstream chain. */
  readonly upstream?: { readonly port: number; readonly filters: readonly Json[] };
  /** Whether the listener `bench` takes HTTP/1.1 too. Default: false. */
  readonly http1?: boolean;
  /** Whether Envoy keeps histograms of times. Default: true. */
  readonly histograms?: boolean;
  /** Whether there is the listener `echo`, for which Envoy starts each plugin once more. Default: true. */
  readonly echo?: boolean;
}

export interface Loopback {
  /** Of the listener. */
  readonly port: number;
  /** Of the cluster's upstream chain. */
  readonly filters: readonly Json[];
  /** Of the listener, which all answer by themselves. Default: one that answers 200. */
  readonly routes?: readonly Json[];
  /** How many addresses the listener has, and the cluster hosts. Default: 1. */
  readonly hosts?: number;
}

/** Ends of the names of Envoy's histograms of times. */
const TIMES: readonly Json[] = [{ suffix: "_time" }, { suffix: "_ms" }];

/** What Envoy answers itself: nothing is measured but its own work and that of the filters, in both directions. */
export const DIRECT_RESPONSE: Json = { direct_response: { status: 200 } };

/**
 * One Envoy with two listeners on the same filters: `bench`, and `echo`, which also returns the request headers `x-route` and `authorization` as they leave the
 * filters, so that a run can check that they did their job.
 */
export function benchBootstrap(options: BenchBootstrap): Json {
  const hold = { match: { path: "/hold" }, route: { cluster: "hold", timeout: "0s" } };
  const answers = options.routes ?? [{ match: { prefix: "/" }, ...DIRECT_RESPONSE }];
  const { loopback: loop, upstream } = options;
  const routes = options.holdPort === undefined ? answers : [...answers.slice(0, -1), hold, ...answers.slice(-1)];
  const seen = { "x-seen-route": "%REQ(X-ROUTE)%", "x-seen-authorization": "%REQ(AUTHORIZATION)%" };
  const echo = { response_headers_to_add: Object.entries(seen).map(([key, value]) => ({ header: { key, value } })) };
  return {
    admin: { address: loopback(0) },
    // Statistics that nobody reads would be flushed in the middle of a batch.
    stats_flush_interval: "299s",
    ...(options.histograms === false && { stats_config: { stats_matcher: { exclusion_list: { patterns: TIMES } } } }),
    static_resources: {
      listeners: [
        listener("bench", options, { routes }),
        ...(options.echo === false ? [] : [listener("echo", options, { routes, ...echo })]),
        ...(loop === undefined ? [] : [loopbackListener(loop)]),
      ],
      clusters: [
        ...(options.holdPort === undefined ? [] : [cluster("hold", options.holdPort)]),
        ...(loop === undefined ? [] : [cluster("loopback", loop.port, loop)]),
        ...(upstream === undefined ? [] : [cluster("upstream", upstream.port, upstream, "http_protocol_options")]),
      ],
    },
  };
}

/** A wasm filter whose code is the file `module`; `vmId` tells VMs apart. A `configuration` of bytes is handed over as it is, all else as JSON. */
export function wasmFilter(
  module: string,
  options: { readonly vmId?: string; readonly rootId?: string; readonly configuration?: unknown } = {},
): Json {
  const configuration = options.configuration === undefined ? {} : { configuration: configurationOf(options.configuration) };
  const code = { local: { filename: module } };
  return {
    name: options.vmId ?? "bench",
    typed_config: {
      "@type": `${TYPE}http.wasm.v3.Wasm`,
      config: {
        name: options.vmId ?? "bench",
        ...(options.rootId !== undefined && { root_id: options.rootId }),
        failure_policy: "FAIL_CLOSED",
        vm_config: { vm_id: options.vmId ?? "bench", runtime: "envoy.wasm.runtime.v8", code },
        ...configuration,
      },
    },
  };
}

function configurationOf(configuration: unknown): Json {
  if (configuration instanceof Uint8Array) {
    return { "@type": "type.googleapis.com/google.protobuf.BytesValue", value: Buffer.from(configuration).toString("base64") };
  }
  return { "@type": "type.googleapis.com/google.protobuf.StringValue", value: JSON.stringify(configuration) };
}

function listener(name: string, { filters, accessLog = [], http1 = false, manager: own }: BenchBootstrap, virtualHost: Json): Json {
  const manager = {
    "@type": `${TYPE}network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: name,
    codec_type: name === "bench" && !http1 ? "HTTP2" : "AUTO",
    http2_protocol_options: { max_concurrent_streams: 2000 },
    stream_idle_timeout: "0s",
    access_log: accessLog,
    http_filters: [...filters, { name: "router", typed_config: { "@type": `${TYPE}http.router.v3.Router` } }],
    ...(own ?? { route_config: { virtual_hosts: [{ name: "bench", domains: ["*"], ...virtualHost }] } }),
  };
  return { name, address: loopback(0), filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }] };
}

/** What the router asks for of itself: the cost of an upstream without another process. */
export const TO_LOOPBACK: Json = { route: { cluster: "loopback" } };

/** What the router sends on to {@link BenchBootstrap.upstream}. */
export const TO_UPSTREAM: Json = { route: { cluster: "upstream" } };

function loopbackListener({ port, routes = [{ match: { prefix: "/" }, ...DIRECT_RESPONSE }], hosts = 1 }: Loopback): Json {
  const all = { socket_address: { address: "0.0.0.0", port_value: port } };
  return { ...listener("loopback", { filters: [] }, { routes }), address: hosts > 1 ? all : loopback(port) };
}

function cluster(
  name: string,
  port: number,
  { filters = [], hosts = 1 }: Partial<Pick<Loopback, "filters" | "hosts">> = {},
  protocol = "http2_protocol_options",
): Json {
  const options = { "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions" };
  const codec = { name: "codec", typed_config: { "@type": `${TYPE}http.upstream_codec.v3.UpstreamCodec` } };
  return {
    name,
    connect_timeout: "5s",
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        ...options,
        explicit_http_config: { [protocol]: {} },
        ...(filters.length > 0 && { http_filters: [...filters, codec] }),
      },
    },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: Array.from({ length: hosts }, (_, i) => ({ endpoint: { address: loopback(port, i + 1) } })) }],
    },
  };
}

function loopback(port: number, host = 1): Json {
  return { socket_address: { address: `127.0.0.${host}`, port_value: port } };
}

import type { HeaderList } from "../../../harness/target/index.ts";
import { wasmFilter, type BenchBootstrap, type Json } from "../envoy/bootstrap.ts";
import { FLOORS } from "./floor.ts";
import { built } from "./header-job.ts";
import type { Counters, Variant } from "./variant.ts";

const disabled = (...metrics: readonly string[]) => [{ overrides: metrics.map((metric) => ({ match: { metric }, disabled: true })) }];

export const REQUEST: HeaderList = [
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", "reviews.default.svc.cluster.local:9080"],
  [":path", "/reviews/4711"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"],
  ["accept", "application/json"],
  ["x-request-id", "4ecf0a50-6bbf-4b5d-9a5b-0d3b2a0c9f0e"],
];

/** What a sidecar of Istio says of its workload: `{NAMESPACE: "default", WORKLOAD_NAME: "productpage-v1", LABELS: {app: "productpage"}}`. */
const METADATA =
  "CiIKBkxBQkVMUxIYKhYKFAoDYXBwEg0aC3Byb2R1Y3RwYWdlChYKCU5BTUVTUEFDRRIJGgdkZWZhdWx0CiEKDVdPUktMT0FEX05BTUUSEBoOcHJvZHVjdHBhZ2UtdjE=";
const WITH_METADATA: HeaderList = [
  ...REQUEST,
  ["x-envoy-peer-metadata", METADATA],
  ["x-envoy-peer-metadata-id", "sidecar~10.0.0.1~productpage-v1-7f44c4d57c-ksf9b.default~default.svc.cluster.local"],
];

/** `all`: every metric with every label of Istio, as `native` has them too. */
export const TELEMETRY: readonly Variant[] = [
  filter("all", "every metric", {}),
  {
    id: "floor",
    title: "the same hostcalls in C",
    request: REQUEST,
    async prepare() {
      const module = await FLOORS.telemetry();
      return "missing" in module ? module : { filters: [wasmFilter(module.module)] };
    },
  },
  filter("metadata", "every metric, and metadata of the client's workload", { peerMetadata: { trust: "ALWAYS" } }, WITH_METADATA),
  filter("no-sizes", "without sizes", { metrics: disabled("REQUEST_SIZE", "RESPONSE_SIZE") }),
  filter("count", "`istio_requests_total` only", { metrics: disabled("REQUEST_DURATION", "REQUEST_SIZE", "RESPONSE_SIZE") }),
  filter("off", "every metric disabled", { metrics: disabled("ALL_METRICS") }, REQUEST, () => true),
  {
    id: "native",
    title: "Envoy's `stats` access logger, every metric",
    request: REQUEST,
    prepare: async () => ({ filters: [], accessLog: [statsAccessLogger()] }),
    check: (counters) => counted(counters, "requests_total"),
  },
];

function filter(id: string, title: string, configuration: Json, request = REQUEST, unchecked = () => false): Variant {
  return {
    id,
    title: `filter \`telemetry\`, ${title}`,
    request,
    async prepare(): Promise<BenchBootstrap | { readonly missing: string }> {
      const module = await built("dist/filters/telemetry.wasm");
      return "missing" in module
        ? module
        : { filters: [wasmFilter(module.module, { configuration: { mode: "inbound", ...configuration } })] };
    },
    check: (counters) => (unchecked() ? undefined : counted(counters, "istio_requests_total")),
  };
}

function counted(counters: Counters, name: string): string | undefined {
  return [...counters].some(([key, value]) => key.includes(name) && value > 0) ? undefined : "no request was counted";
}

/** The same metrics and as many labels by Envoy itself; what nobody says is `unknown` there too. */
function statsAccessLogger(): Json {
  const unknown = [
    ...["workload", "workload_namespace", "app", "version", "canonical_service", "canonical_revision", "cluster"].flatMap((name) => [
      `source_${name}`,
      `destination_${name}`,
    ]),
    "destination_service_namespace",
    "grpc_response_status",
  ].map((name) => [name, "unknown"]);
  const tags = [
    ["reporter", "destination"],
    ...unknown,
    ["source_principal", "%DOWNSTREAM_PEER_URI_SAN%"],
    ["destination_principal", "%DOWNSTREAM_LOCAL_URI_SAN%"],
    ["destination_service", "%REQ(:AUTHORITY)%"],
    ["destination_service_name", "%UPSTREAM_CLUSTER_RAW%"],
    ["request_protocol", "%PROTOCOL%"],
    ["response_code", "%RESPONSE_CODE%"],
    ["response_flags", "%RESPONSE_FLAGS%"],
    ["connection_security_policy", "none"],
  ].map(([name, format]) => ({ name, value_format: format }));
  const stat = (name: string) => ({ name, tags });
  return {
    name: "stats",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config",
      stat_prefix: "native",
      counters: [{ stat: stat("requests_total"), value_fixed: 1 }],
      histograms: [
        { stat: stat("request_duration_milliseconds"), unit: "Milliseconds", value_format: "%DURATION%" },
        { stat: stat("request_bytes"), unit: "Bytes", value_format: "%BYTES_RECEIVED%" },
        { stat: stat("response_bytes"), unit: "Bytes", value_format: "%BYTES_SENT%" },
      ],
    },
  };
}

import { addressOf, type ListenAddress } from "./address.ts";
import { CONFIG, type Json } from "./json.ts";
import type { ProxyConfig } from "./proxy-config.ts";

/** The labels of Istio's metrics, which `telemetry` writes into the names of statistics and `stats_tags` cut out again. */
export const METRIC_LABELS: readonly string[] = [
  "reporter",
  "source_workload",
  "source_canonical_service",
  "source_canonical_revision",
  "source_workload_namespace",
  "source_principal",
  "source_app",
  "source_version",
  "source_cluster",
  "destination_workload",
  "destination_workload_namespace",
  "destination_principal",
  "destination_app",
  "destination_version",
  "destination_service",
  "destination_canonical_service",
  "destination_canonical_revision",
  "destination_service_name",
  "destination_service_namespace",
  "destination_cluster",
  "request_protocol",
  "response_code",
  "grpc_response_status",
  "response_flags",
  "connection_security_policy",
];

/** A name of a cluster has dots of its own. What begins behind it: mostly names with an underscore, which no host name has; the others are told by what follows. */
const BEHIND_CLUSTER = [
  "(?:assignment|bind|circuit|health|lb|max|membership|original|outlier|retry|tls|update|upstream|warming)_",
  "(?:external|internal|canary)\\.upstream_",
  "zone\\.[^.]+\\.[^.]+\\.upstream_",
  "http[123]\\.(?:trailers$|[a-z]+_)",
  "ssl\\.(?:handshake$|[a-z]+_|(?:ciphers|curves|sigalgs|versions)\\.)",
  "grpc\\..+\\.(?:\\d+|success|failure|total)$",
  "default\\.total_match_count$",
  "version$",
].join("|");

/** Tags that Istio's bootstrap has beside those of its metrics, for statistics that this mesh has too. */
const ENVOY_TAGS: ReadonlyArray<readonly [name: string, regex: string]> = [
  ["cluster_name", `^cluster\\.((.+?)\\.)(?=${BEHIND_CLUSTER})`],
  ["tcp_prefix", "^tcp\\.((.*?)\\.)\\w+?$"],
  ["response_code_class", "_rq(_(\\dxx))$"],
  ["http_conn_manager_prefix", "^http\\.(((?:[_.[:digit:]]*|[_\\[\\]aAbBcCdDeEfF[:digit:]]*))\\.)"],
  ["listener_address", "^listener\\.(((?:[_.[:digit:]]*|[_\\[\\]aAbBcCdDeEfF[:digit:]]*))\\.)"],
  ["authz_enforce_result", "rbac(\\.(allowed|denied))"],
];

/** Kept in any case: what readiness, draining and the state towards the control service are seen by. The first six are Istio's. */
const PREFIXES = [
  "reporter=",
  "component",
  "cluster_manager",
  "listener_manager",
  "server",
  "cluster.xds-grpc",
  // Custom metrics of modules are called `wasmcustom.`.
  "wasm",
  "control_plane",
  "extension_config_discovery",
  "overload",
];
const SUFFIXES = ["rbac.allowed", "rbac.denied", "shadow_allowed", "shadow_denied", "downstream_cx_active"];
const REGEXES = ["vhost\\..*\\.route\\..*"];

/** Which statistics an Envoy keeps: Istio's choice, which spares some ten kilobytes a service, or all that there are. */
export type StatsSelection = "istio" | "all";

/** `stats_config` */
export function statsConfig(selection: StatsSelection, config: ProxyConfig, annotations: Readonly<Record<string, string>>): Json {
  const extra = [...(config.extraStatTags ?? []), ...list(annotations["sidecar.istio.io/extraStatTags"])];
  const labels = [...METRIC_LABELS, ...new Set(extra.filter((tag) => !METRIC_LABELS.includes(tag)))];
  const tags = [...ENVOY_TAGS.map(([tag_name, regex]) => ({ tag_name, regex })), ...labels.map(metricTag)];
  if (selection === "all") return { use_all_default_tags: false, stats_tags: tags };
  // An annotation hides the same list of ProxyConfig, as in Istio.
  const chosen = (annotation: string, configured: readonly string[] = []) =>
    annotations[annotation] === undefined ? configured : list(annotations[annotation]);
  const { inclusionPrefixes, inclusionSuffixes, inclusionRegexps } = config.proxyStatsMatcher ?? {};
  const prefixes = [...chosen("sidecar.istio.io/statsInclusionPrefixes", inclusionPrefixes), ...PREFIXES];
  const suffixes = [...chosen("sidecar.istio.io/statsInclusionSuffixes", inclusionSuffixes), ...SUFFIXES];
  const regexes = [...chosen("sidecar.istio.io/statsInclusionRegexps", inclusionRegexps), ...REGEXES];
  const patterns = [
    ...prefixes.map((prefix) => ({ prefix })),
    ...suffixes.map((suffix) => ({ suffix })),
    ...regexes.map((regex) => ({ safe_regex: { regex } })),
  ];
  return { use_all_default_tags: false, stats_tags: tags, stats_matcher: { inclusion_list: { patterns } } };
}

/**
 * `stats_sinks`: where statistics are sent by themselves, beside being there to be asked for.
 *
 * @param statsd by UDP
 * @param metricsService the cluster of a service of gRPC
 */
export function statsSinks(statsd: ListenAddress | undefined, metricsService: string | undefined): Json {
  const sinks = [
    ...(statsd === undefined ? [] : [sink("statsd", "StatsdSink", { address: addressOf(statsd) })]),
    ...(metricsService === undefined
      ? []
      : [
          sink("metrics_service", "MetricsServiceConfig", {
            grpc_service: { envoy_grpc: { cluster_name: metricsService } },
            transport_api_version: "V3",
          }),
        ]),
  ];
  return sinks.length === 0 ? {} : { stats_sinks: sinks };
}

function sink(name: string, message: string, fields: Json): Json {
  return { name: `envoy.stat_sinks.${name}`, typed_config: { "@type": `${CONFIG}metrics.v3.${message}`, ...fields } };
}

function metricTag(label: string): Json {
  const own = `${label.replaceAll(/[^\w]/g, "\\$&")}=\\.=(.*?);\\.;`;
  // Envoy's own statistics have a code of answers too, and a tag may stand only once.
  return { tag_name: label, regex: label === "response_code" ? `(${own})|_rq(_(\\d{3}))$` : `(${own})` };
}

function list(text = ""): string[] {
  return text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}

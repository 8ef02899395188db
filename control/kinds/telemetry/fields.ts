import { boolean, choice, decimal, defaulted, list, map, object, optional, refused, required, text } from "../../model/fields/index.ts";
import { typedWorkloadSelector } from "../../model/parts/index.ts";
import { wrongExpression } from "./cel/index.ts";
import { wrongTagExpression } from "./tag-expression.ts";

const GATEWAY_API = "objects of the Gateway API are not read; write a selector";

const providers = defaulted(
  list(object({ name: required(text(), "Name among MeshConfig's extensionProviders.") })),
  [],
  "Who gets it. Default: those of the next wider level, at last MeshConfig's defaultProviders.",
);

const mode = defaulted(
  choice("CLIENT_AND_SERVER", "CLIENT", "SERVER"),
  "CLIENT_AND_SERVER",
  "CLIENT: requests that the workload sends, or that pass a gateway; SERVER: requests that it gets.",
);

const fallback = optional(text({ empty: true }), "Where there is none.");

const customTag = object(
  {
    literal: optional(object({ value: required(text(), "The value.") }), "Always the same."),
    environment: optional(
      object({ name: required(text(), "Name of the variable."), defaultValue: fallback }),
      "An environment variable of the proxy.",
    ),
    header: optional(object({ name: required(text(), "Name of the header."), defaultValue: fallback }), "A header of the request."),
    formatter: optional(
      object({ value: required(text(), "Text with Envoy's operators, such as %REQ(:METHOD)%.") }),
      "What Envoy's operators of access logs say; of Envoy 1.37 and later.",
    ),
  },
  { one: [["literal", "environment", "header", "formatter"]] },
);

const tracing = object({
  match: optional(object({ mode }), "Requests that it is for. Default: all."),
  providers,
  randomSamplingPercentage: optional(
    decimal({ least: 0, most: 100 }),
    "Of requests that come without a decision. Default: that of defaultConfig.tracing, 1.",
  ),
  disableSpanReporting: optional(boolean, "No spans are made."),
  customTags: optional(
    map(customTag, { key: (key) => (key === "" ? "a tag needs a name" : undefined) }),
    "Tags of spans, in the place of all that wider levels have.",
  ),
  useRequestIdForTraceSampling: optional(boolean, "The decision stands in x-request-id, as its 15th digit. Default: true."),
  enableIstioTags: optional(
    boolean,
    "Tags istio.canonical_service, .canonical_revision, .namespace, .mesh_id and .cluster_id. Default: false.",
  ),
  disableContextPropagation: optional(boolean, "The trace's headers are not passed on. Envoy 1.38 and later. Default: false."),
});

/** Those of Istio; TCP_... are not among what `telemetry` counts. */
const METRICS = [
  "ALL_METRICS",
  "REQUEST_COUNT",
  "REQUEST_DURATION",
  "REQUEST_SIZE",
  "RESPONSE_SIZE",
  "TCP_OPENED_CONNECTIONS",
  "TCP_CLOSED_CONNECTIONS",
  "TCP_SENT_BYTES",
  "TCP_RECEIVED_BYTES",
  "GRPC_REQUEST_MESSAGES",
  "GRPC_RESPONSE_MESSAGES",
] as const;

const tagOverride = object({
  operation: defaulted(choice("UPSERT", "REMOVE"), "UPSERT", "UPSERT sets or adds the label, REMOVE takes it away."),
  value: optional(text({ check: wrongTagExpression }), "Of UPSERT: an expression in CEL, as far as builtin://telemetry knows it."),
});

const override = object({
  match: optional(
    object({
      metric: optional(choice(...METRICS), "A metric. Default: ALL_METRICS."),
      customMetric: refused("builtin://telemetry has Istio's standard metrics and no others"),
      mode,
    }),
    "What it is for. Default: every metric of both sides.",
  ),
  disabled: optional(boolean, "Whether the metrics are not reported."),
  tagOverrides: defaulted(
    map(tagOverride, {
      key: (key) =>
        /^[A-Za-z_]\w*$/.test(key)
          ? undefined
          : `${JSON.stringify(key)} is no label; it has letters, digits and underscores, and begins with no digit`,
    }),
    {},
    "Labels, by name. One of your own needs an entry in extraStatTags of the proxy's bootstrap too.",
  ),
});

const metrics = object({
  providers,
  overrides: defaulted(list(override), [], "In this order, behind those of wider levels; a later one beats an earlier one."),
  reportingInterval: refused(
    "it is for metrics of connections (istio_tcp_...), of which there are none: builtin://telemetry counts requests, when they end, and connections of TCP tell nothing of the workload at their other end",
  ),
});

const accessLogging = object({
  match: optional(object({ mode }), "Requests that it is for. Default: all."),
  providers,
  disabled: optional(boolean, "No log. Default: false."),
  filter: optional(
    object({ expression: optional(text({ check: wrongExpression }), "In CEL, of Envoy's attributes: `response.code >= 400`.") }),
    "What must hold of a request that is logged.",
  ),
});

/** `istio.telemetry.v1alpha1.Telemetry`. */
export const fields = object({
  selector: optional(
    typedWorkloadSelector,
    "Workloads of the namespace that it is for. Default: all; in the root namespace those of the whole mesh.",
  ),
  targetRef: refused(GATEWAY_API),
  targetRefs: refused(GATEWAY_API),
  tracing: defaulted(list(tracing), [], "Traces of requests."),
  metrics: defaulted(list(metrics), [], "Metrics of requests."),
  accessLogging: defaulted(list(accessLogging), [], "Logs of requests and connections."),
});

export type TelemetrySpec = NonNullable<ReturnType<typeof fields.read>>;

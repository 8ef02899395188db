import type { Any } from "@bufbuild/protobuf/wkt";
import { DatadogConfigSchema } from "../../../envoy-api/generated/envoy/config/trace/v3/datadog_pb.ts";
import { OpenTelemetryConfigSchema } from "../../../envoy-api/generated/envoy/config/trace/v3/opentelemetry_pb.ts";
import { SkyWalkingConfigSchema } from "../../../envoy-api/generated/envoy/config/trace/v3/skywalking_pb.ts";
import {
  ZipkinConfig_CollectorEndpointVersion as Endpoint,
  ZipkinConfig_TraceContextOption as TraceContext,
  ZipkinConfigSchema,
} from "../../../envoy-api/generated/envoy/config/trace/v3/zipkin_pb.ts";
import { milliseconds, pack } from "../../../envoy-api/index.ts";
import type { ExtensionProvider, ProxyView } from "../../../model/index.ts";
import { openTelemetryTracer } from "./open-telemetry.ts";
import { grpcService, headersOf, numberOf, serviceOf, textOf } from "./provider.ts";

const TRACERS: readonly string[] = ["zipkin", "datadog", "skywalking", "opentelemetry"];

/** Whether spans can be sent to a provider. */
export function isTracer({ type }: ExtensionProvider): boolean {
  return TRACERS.includes(type);
}

/** Envoy's tracer for a provider; undefined for one of another use. */
export function tracerOf(
  view: ProxyView,
  { type, options }: ExtensionProvider,
): { readonly name: string; readonly config: Any } | undefined {
  const { host, cluster } = serviceOf(options);
  switch (type) {
    case "zipkin": {
      const timeout = numberOf(options, "timeout");
      const path = textOf(options, "path") ?? "/api/v2/spans";
      const collector = {
        httpUri: {
          uri: `http://${host}${path}`,
          httpUpstreamType: { case: "cluster" as const, value: cluster },
          timeout: milliseconds(timeout ?? 5_000),
        },
        requestHeadersToAdd: headersOf(options["headers"]).map((header) => ({ header })),
      };
      const config = {
        traceId128bit: options["enable64bitTraceId"] !== true,
        sharedSpanContext: false,
        collectorEndpointVersion: Endpoint.HTTP_JSON,
        traceContextOption:
          options["traceContextOption"] === "USE_B3_WITH_W3C_PROPAGATION" ? TraceContext.USE_B3_WITH_W3C_PROPAGATION : TraceContext.USE_B3,
      };
      const plain = timeout === undefined && options["headers"] === undefined;
      const target = plain
        ? { collectorCluster: cluster, collectorEndpoint: path, collectorHostname: host }
        : { collectorService: collector };
      return { name: "envoy.tracers.zipkin", config: pack(ZipkinConfigSchema, { ...config, ...target }) };
    }
    case "datadog":
      return {
        name: "envoy.tracers.datadog",
        config: pack(DatadogConfigSchema, { collectorCluster: cluster, collectorHostname: host, serviceName: serviceName(view) }),
      };
    case "skywalking": {
      const backendToken = textOf(options, "accessToken");
      const token = backendToken === undefined ? {} : { backendTokenSpecifier: { case: "backendToken" as const, value: backendToken } };
      return {
        name: "envoy.tracers.skywalking",
        config: pack(SkyWalkingConfigSchema, {
          grpcService: grpcService(options),
          clientConfig: { serviceName: serviceName(view), ...token },
        }),
      };
    }
    case "opentelemetry":
      return {
        name: "envoy.tracers.opentelemetry",
        config: pack(OpenTelemetryConfigSchema, openTelemetryTracer(view, options, serviceName(view))),
      };
    default:
      return undefined;
  }
}

/** Istio's `APP_LABEL_AND_NAMESPACE`. Only tracers that have no other way to know it are told: it makes listeners individual. */
function serviceName(view: ProxyView): string {
  const { labels, name, namespace } = view.proxy();
  return `${labels["app"] ?? name}.${namespace}`;
}

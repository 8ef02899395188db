import type { HttpServiceSchema } from "../../../envoy-api/generated/envoy/config/core/v3/http_service_pb.ts";
import type { TypedExtensionConfigSchema } from "../../../envoy-api/generated/envoy/config/core/v3/extension_pb.ts";
import {
  type OpenTelemetryConfig,
  OpenTelemetryConfigSchema,
} from "../../../envoy-api/generated/envoy/config/trace/v3/opentelemetry_pb.ts";
import { DynatraceResourceDetectorConfigSchema } from "../../../envoy-api/generated/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/dynatrace_resource_detector_pb.ts";
import { EnvironmentResourceDetectorConfigSchema } from "../../../envoy-api/generated/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb.ts";
import { StaticConfigResourceDetectorConfigSchema } from "../../../envoy-api/generated/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/static_config_resource_detector_pb.ts";
import { DynatraceSamplerConfigSchema } from "../../../envoy-api/generated/envoy/extensions/tracers/opentelemetry/samplers/v3/dynatrace_sampler_pb.ts";
import { create } from "@bufbuild/protobuf";
import { milliseconds, pack } from "../../../envoy-api/index.ts";
import type { ExtensionProvider, ProxyView } from "../../../model/index.ts";
import type { Init } from "./init.ts";
import { grpcService, headersOf, numberOf, optionsOf, serviceOf, textOf } from "./provider.ts";

type Options = ExtensionProvider["options"];
type Extension = Init<typeof TypedExtensionConfigSchema>;

/** Where Dynatrace says how much is to be sampled; Istio asks there where the sampler names no service of its own. */
const DYNATRACE_SAMPLING = "/api/v2/samplingConfiguration";

/**
 * Envoy's tracer for a provider of type `opentelemetry`.
 *
 * @param serviceName Istio's name of the proxy's service, where `serviceAttributeEnrichment` asks for no other
 */
export function openTelemetryTracer(view: ProxyView, options: Options, serviceName: string): OpenTelemetryConfig {
  const http = optionsOf(options, "http");
  const attributes = options["serviceAttributeEnrichment"] === "OTEL_SEMANTIC_CONVENTIONS" ? serviceAttributes(view) : undefined;
  const { "service.name": name = serviceName, ...others } = attributes ?? {};
  const sampler = dynatraceSampler(options);
  return create(OpenTelemetryConfigSchema, {
    serviceName: name,
    ...(http === undefined
      ? { grpcService: grpcService(options, optionsOf(options, "grpc")) }
      : { httpService: httpService(options, http, textOf(http, "path") ?? "/v1/traces") }),
    resourceDetectors: [...(attributes === undefined ? [] : [staticAttributes(others)]), ...detectors(options)],
    ...(sampler === undefined ? {} : { sampler }),
  });
}

/** Whether the provider decides by itself which requests are traced: then it has to hear of all (Istio's `useCustomSampler`). */
export function samplesByItself({ options }: ExtensionProvider): boolean {
  return optionsOf(options, "dynatraceSampler") !== undefined;
}

function httpService(service: Options, http: Options, path: string): Init<typeof HttpServiceSchema> {
  const { host, cluster } = serviceOf(service);
  return {
    httpUri: {
      uri: `http://${host}${path}`,
      httpUpstreamType: { case: "cluster", value: cluster },
      timeout: milliseconds(numberOf(http, "timeout") ?? 1_000),
    },
    requestHeadersToAdd: headersOf(http["headers"]).map((header) => ({ header })),
  };
}

function detectors(options: Options): readonly Extension[] {
  const { environment, dynatrace } = optionsOf(options, "resourceDetectors") ?? {};
  return [
    ...(environment === undefined ? [] : [detector("environment", pack(EnvironmentResourceDetectorConfigSchema, {}))]),
    ...(dynatrace === undefined ? [] : [detector("dynatrace", pack(DynatraceResourceDetectorConfigSchema, {}))]),
  ];
}

function detector(name: string, typedConfig: ReturnType<typeof pack>): Extension {
  return { name: `envoy.tracers.opentelemetry.resource_detectors.${name}`, typedConfig };
}

function staticAttributes(attributes: Readonly<Record<string, string>>): Extension {
  return detector("static_config", pack(StaticConfigResourceDetectorConfigSchema, { attributes: { ...attributes } }));
}

function dynatraceSampler(options: Options): Extension | undefined {
  const sampler = optionsOf(options, "dynatraceSampler");
  if (sampler === undefined) return undefined;
  const own = optionsOf(sampler, "httpService");
  const http = optionsOf(own ?? options, "http") ?? {};
  const typedConfig = pack(DynatraceSamplerConfigSchema, {
    tenant: textOf(sampler, "tenant") ?? "",
    clusterId: numberOf(sampler, "clusterId") ?? 0,
    rootSpansPerMinute: numberOf(sampler, "rootSpansPerMinute") ?? 0,
    httpService: httpService(own ?? options, http, own === undefined ? DYNATRACE_SAMPLING : (textOf(http, "path") ?? "/")),
  });
  return { name: "envoy.tracers.opentelemetry.samplers.dynatrace", typedConfig };
}

/** What pods say of themselves by these annotations goes before their labels. */
const ANNOTATION = "resource.opentelemetry.io/";

/** Which service it is, by OpenTelemetry's conventions for Kubernetes (https://opentelemetry.io/docs/specs/semconv/non-normative/k8s-attributes/#service-attributes). A pod's uid is not known here. */
function serviceAttributes(view: ProxyView): Readonly<Record<string, string>> {
  const { labels, metadata, name, namespace } = view.proxy();
  const annotations = optionsOf(metadata, "ANNOTATIONS") ?? {};
  const said = {
    "service.name": labels["app.kubernetes.io/name"] ?? textOf(metadata, "WORKLOAD_NAME") ?? name,
    "service.namespace": namespace,
    "service.version": labels["app.kubernetes.io/version"],
    "service.instance.id": undefined,
  };
  return Object.fromEntries(
    Object.entries(said)
      .map(([key, value]) => [key, textOf(annotations, `${ANNOTATION}${key}`) ?? value] as const)
      .filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

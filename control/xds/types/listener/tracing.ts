import type { HttpConnectionManager_TracingSchema } from "../../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import type { ProxyView } from "../../../model/index.ts";
import type { Side } from "../filter/side.ts";
import { customTags, istioTags, tagsOf } from "./custom-tags.ts";
import type { Init } from "./init.ts";
import { samplesByItself } from "./open-telemetry.ts";
import { numberOf } from "./provider.ts";
import { tracerOf } from "./tracer.ts";
import { type TracingSpec, tracingSpec } from "./tracing-spec.ts";

export interface Tracing {
  /** Undefined: none. */
  readonly tracing: Init<typeof HttpConnectionManager_TracingSchema> | undefined;
  /** Whether the decision to trace a request stands in its id. */
  readonly useRequestIdForTraceSampling: boolean;
}

/** Traces of requests, as Telemetries and MeshConfig's defaults have it. */
export function tracingOf(view: ProxyView, side: Side): Tracing {
  const spec = tracingSpec(view, side);
  return { tracing: managerTracing(view, spec), useRequestIdForTraceSampling: spec.useRequestIdForTraceSampling };
}

function managerTracing(view: ProxyView, spec: TracingSpec): Tracing["tracing"] {
  const { provider } = spec;
  const tracer = provider === undefined ? undefined : tracerOf(view, provider);
  if (provider === undefined || tracer === undefined) return undefined;
  const proxy = view.proxySettings();
  const maxPathTagLength = numberOf(provider.options, "maxTagLength") ?? numberOf(proxy.tracing ?? {}, "maxPathTagLength");
  return {
    provider: { name: tracer.name, configType: { case: "typedConfig", value: tracer.config } },
    clientSampling: { value: 100 },
    // Istio traces one request in a hundred where nobody says.
    randomSampling: { value: samplesByItself(provider) ? 100 : (spec.sampling ?? proxy.tracingSampling ?? 1) },
    overallSampling: { value: 100 },
    customTags: [...(spec.istioTags ? istioTags(view) : []), ...customTags(view, spec.customTags ?? tagsOf(proxy))],
    ...(spec.propagates ? {} : { noContextPropagation: true }),
    ...(maxPathTagLength === undefined ? {} : { maxPathTagLength }),
  };
}

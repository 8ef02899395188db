import { type CustomTag, type ExtensionProvider, isForMode, type ProxyView, type TracingRule } from "../../../model/index.ts";
import type { Side } from "../filter/side.ts";
import { modeOf, ownTracer, providerNamed, telemetries } from "../telemetry.ts";
import { isTracer } from "./tracer.ts";

/** How requests of one side are traced. */
export interface TracingSpec {
  /** Undefined: not at all. */
  readonly provider: ExtensionProvider | undefined;
  /** Percentage; undefined: as the proxy's settings have it. */
  readonly sampling: number | undefined;
  /** Undefined: those of the proxy's settings. */
  readonly customTags: Readonly<Record<string, CustomTag>> | undefined;
  readonly useRequestIdForTraceSampling: boolean;
  readonly istioTags: boolean;
  readonly propagates: boolean;
}

/** Istio's `Telemetries.Tracing`: each level says field by field what is otherwise than at the wider ones. What a Telemetry says holds whatever MeshConfig's `enableTracing` is. */
export function tracingSpec(view: ProxyView, side: Side): TracingSpec {
  const settings = view.settings();
  const mode = modeOf(side);
  const rules = telemetries(view).flatMap(({ tracing }) => tracing.filter((rule) => isForMode(rule, mode)));
  const last = <T>(field: (rule: TracingRule) => T | undefined): T | undefined => rules.map(field).findLast((value) => value !== undefined);
  const name = last(({ providers }) => providers[0]);
  const byDefault = rules.length > 0 || settings.enableTracing ? settings.defaultProviders.tracing : [];
  const own = rules.length > 0 || settings.enableTracing ? ownTracer(view) : undefined;
  const provider =
    name === undefined
      ? (byDefault.map((each) => providerNamed(settings, each)).find((each) => each !== undefined && isTracer(each)) ?? own)
      : providerNamed(settings, name);
  return {
    provider: last(({ disableSpanReporting }) => disableSpanReporting) === true ? undefined : provider,
    sampling: last(({ randomSamplingPercentage }) => randomSamplingPercentage),
    customTags: last(({ customTags }) => customTags),
    useRequestIdForTraceSampling: last(({ useRequestIdForTraceSampling }) => useRequestIdForTraceSampling) ?? true,
    istioTags: last(({ enableIstioTags }) => enableIstioTags) ?? view.proxySettings().tracing?.["enableIstioTags"] === true,
    propagates: last(({ disableContextPropagation }) => disableContextPropagation) !== true,
  };
}

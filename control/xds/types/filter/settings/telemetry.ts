import { isForMode, type MetricsOverride, type ProxyView, withProviders } from "../../../../model/index.ts";
import { modeOf, providerNamed, telemetries } from "../../telemetry.ts";
import type { FilterSettings } from "./settings.ts";

/** Of Istio's installations: MeshConfig's `defaultProviders.metrics` where it does not say. */
const DEFAULT_PROVIDERS = ["prometheus"];

/** Metrics of requests: where Telemetries, or MeshConfig's defaults, name a provider `prometheus`. */
export const telemetry: FilterSettings = (view, side) => {
  const overrides = overridesOf(view);
  if (overrides === undefined || disablesAll(overrides.filter((each) => isForMode(each, modeOf(side))))) return undefined;
  return { metrics: [{ overrides: overrides.map(configurationOf) }] };
};

/** Then the filter need not run, as in Istio. */
function disablesAll(overrides: readonly MetricsOverride[]): boolean {
  const at = overrides.findLastIndex(({ metric, disabled }) => metric === "ALL_METRICS" && disabled === true);
  return at >= 0 && !overrides.slice(at + 1).some(({ disabled }) => disabled === false);
}

/** Istio's `mergeMetrics` for the provider `prometheus`, as far as it is for requests; undefined where it gets nothing. */
function overridesOf(view: ProxyView): readonly MetricsOverride[] | undefined {
  const settings = view.settings();
  const isPrometheus = (name: string): boolean => providerNamed(settings, name)?.type === "prometheus";
  const rules = telemetries(view).flatMap(({ metrics }) => metrics);
  const { metrics: named } = settings.defaultProviders;
  if (rules.length === 0) return named.some(isPrometheus) ? [] : undefined;
  const defaults = named.length > 0 ? named : DEFAULT_PROVIDERS;
  const inScope = rules.findLast(({ providers }) => providers.length > 0)?.providers ?? defaults;
  if (!inScope.some(isPrometheus)) return undefined;
  return withProviders(rules, defaults)
    .filter(({ providers }) => providers.some((name) => inScope.includes(name) && isPrometheus(name)))
    .flatMap(({ overrides }) => overrides)
    .filter(({ metric }) => !metric.startsWith("TCP_"));
}

/** In the filter's format. */
function configurationOf({ metric, mode, disabled, tagOverrides }: MetricsOverride): Readonly<Record<string, unknown>> {
  return {
    match: { metric, mode },
    ...(disabled === undefined ? {} : { disabled }),
    tagOverrides: Object.fromEntries(
      Object.entries(tagOverrides).map(([name, { operation, value }]) => [
        name,
        operation === "REMOVE" ? { operation } : { operation, value },
      ]),
    ),
  };
}

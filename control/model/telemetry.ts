import type { Policy } from "./policy.ts";

/** What is measured, logged and traced, in the words of Istio's Telemetry. A provider is named as MeshConfig's `extensionProviders` has it; none: those of the next wider level. */
export interface Telemetry extends Policy {
  readonly tracing: readonly TracingRule[];
  readonly metrics: readonly MetricsRule[];
  readonly accessLogging: readonly AccessLoggingRule[];
}

/** CLIENT: requests that the workload sends, or that pass a gateway; SERVER: those that it gets. */
export type WorkloadMode = "CLIENT_AND_SERVER" | "CLIENT" | "SERVER";

/** What is undefined is as the next wider level has it. */
export interface TracingRule {
  readonly mode: WorkloadMode;
  readonly providers: readonly string[];
  readonly randomSamplingPercentage: number | undefined;
  readonly disableSpanReporting: boolean | undefined;
  /** In the place of all tags of wider levels. */
  readonly customTags: Readonly<Record<string, CustomTag>> | undefined;
  readonly useRequestIdForTraceSampling: boolean | undefined;
  readonly enableIstioTags: boolean | undefined;
  readonly disableContextPropagation: boolean | undefined;
}

/** One of its members is there. */
export interface CustomTag {
  readonly literal?: { readonly value?: string | undefined } | undefined;
  readonly environment?: { readonly name?: string | undefined; readonly defaultValue?: string | undefined } | undefined;
  readonly header?: { readonly name?: string | undefined; readonly defaultValue?: string | undefined } | undefined;
  /** In Envoy's operators. */
  readonly formatter?: { readonly value: string } | undefined;
}

export interface MetricsRule {
  readonly providers: readonly string[];
  readonly overrides: readonly MetricsOverride[];
}

export interface MetricsOverride {
  /** `REQUEST_COUNT`, ..., or `ALL_METRICS`. */
  readonly metric: string;
  readonly mode: WorkloadMode;
  readonly disabled: boolean | undefined;
  readonly tagOverrides: Readonly<Record<string, TagOverride>>;
}

export interface TagOverride {
  readonly operation: "UPSERT" | "REMOVE";
  /** An expression in CEL; of UPSERT. */
  readonly value: string | undefined;
}

export interface AccessLoggingRule {
  readonly mode: WorkloadMode;
  readonly providers: readonly string[];
  readonly disabled: boolean | undefined;
  /** An expression in CEL, which must hold of what is logged. */
  readonly filter: string | undefined;
}

/**
 * The levels that hold for a workload, the widest first: of the mesh, of its namespace, its own. Of two of a level the oldest counts, and nothing of the younger (Istio's `applicableTelemetries`). In the root
 * namespace what selects workloads is for those of that namespace alone.
 *
 * @param policies that select the workload, the oldest first
 */
export function telemetryLevels(policies: readonly Telemetry[], rootNamespace: string, namespace: string): readonly Telemetry[] {
  const forAll = (each: Telemetry): boolean => Object.keys(each.selector).length === 0;
  const wide = (of: string): Telemetry | undefined => policies.find((each) => each.namespace === of && forAll(each));
  const levels = [
    wide(rootNamespace),
    namespace === rootNamespace ? undefined : wide(namespace),
    policies.find((each) => each.namespace === namespace && !forAll(each)),
  ];
  return levels.filter((level) => level !== undefined);
}

/** Whether a rule is for requests of a side. */
export function isForMode({ mode }: { readonly mode: WorkloadMode }, side: "CLIENT" | "SERVER"): boolean {
  return mode === "CLIENT_AND_SERVER" || mode === side;
}

/** Whose rule it is where it names nobody: that of the rule before it, which is one of the same level or of a wider one (Istio's `parentProviders`). */
export function withProviders<Rule extends { readonly providers: readonly string[] }>(
  rules: readonly Rule[],
  defaults: readonly string[],
): readonly Rule[] {
  let inherited = defaults;
  return rules.map((rule) => {
    if (rule.providers.length === 0) return { ...rule, providers: inherited };
    inherited = rule.providers;
    return rule;
  });
}

/** The hosts that an address in a proxy's settings may mean, as it is written and by the names that services have for each other. */
export function meantHosts(written: string, namespace: string, domainSuffix: string): readonly string[] {
  const host = written.toLowerCase();
  const labels = host.split(".").length;
  const inFull = labels === 1 ? [`${host}.${namespace}.svc.${domainSuffix}`] : labels === 2 ? [`${host}.svc.${domainSuffix}`] : [];
  return [host, ...inFull, ...(host.endsWith(".svc") ? [`${host}.${domainSuffix}`] : [])];
}

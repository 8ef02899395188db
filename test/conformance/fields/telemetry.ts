import type { Evidences } from "./evidence.ts";

const LOGS_AND_TRACES = "control/xds/types/listener/telemetry.scenarios.ts";
const METRICS = "control/xds/types/listener/telemetry-metrics.scenarios.ts";

const TAGS = `${LOGS_AND_TRACES}: go to the provider of the narrowest level, with its tags in the place of all others`;
const LABELS = `${METRICS}: have labels and are disabled as each level says, the narrower after the wider`;

export const telemetry: Evidences = {
  "selector.matchLabels": `${LOGS_AND_TRACES}: of no workload that is not selected`,
  "tracing.match.mode": `${LOGS_AND_TRACES}: are of as many requests as the level says, on the side that it says`,
  "tracing.providers.name": TAGS,
  "tracing.randomSamplingPercentage": `${LOGS_AND_TRACES}: are of as many requests as the level says, on the side that it says`,
  "tracing.disableSpanReporting": `${LOGS_AND_TRACES}: are none where a level disables them, or names a provider that is not there`,
  "tracing.customTags.literal.value": TAGS,
  "tracing.customTags.environment.name": TAGS,
  "tracing.customTags.environment.defaultValue": TAGS,
  "tracing.customTags.header.name": TAGS,
  "tracing.customTags.header.defaultValue": TAGS,
  "tracing.customTags.formatter.value": TAGS,
  "tracing.useRequestIdForTraceSampling": `${LOGS_AND_TRACES}: stand in the request's id, or do not`,
  "tracing.enableIstioTags": TAGS,
  "tracing.disableContextPropagation": `${LOGS_AND_TRACES}: pass on no headers where that is said`,
  "metrics.providers": `${METRICS}: a level names another provider than the mesh`,
  "metrics.overrides.match.metric": LABELS,
  "metrics.overrides.match.mode": `${METRICS}: are those of Istio's installations where a level has no provider`,
  "metrics.overrides.disabled": LABELS,
  "metrics.overrides.tagOverrides.operation": LABELS,
  "metrics.overrides.tagOverrides.value": LABELS,
  "accessLogging.match.mode": `${LOGS_AND_TRACES}: of one side`,
  "accessLogging.providers": `${LOGS_AND_TRACES}: of a provider, by its name in any case`,
  "accessLogging.disabled": `${LOGS_AND_TRACES}: of none where a namespace turns them off`,
  "accessLogging.filter.expression": `${LOGS_AND_TRACES}: each side to its own, of what a filter takes`,
};

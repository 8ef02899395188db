import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { OutlierDetectionSchema } from "../../../envoy-api/generated/envoy/config/cluster/v3/outlier_detection_pb.ts";
import type { MatchPredicateSchema } from "../../../envoy-api/generated/envoy/config/common/matcher/v3/matcher_pb.ts";
import { HttpProtocolOptions_OutlierDetectionSchema } from "../../../envoy-api/generated/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts";
import { milliseconds } from "../../../envoy-api/index.ts";
import type { OutlierDetection } from "../../../model/index.ts";
import { type ClusterDraft, optionsOf } from "./draft.ts";

/** Ejection of hosts by Envoy itself (Istio's `applyOutlierDetection`). Success rates are never looked at. */
export function applyOutlierDetection(draft: ClusterDraft, outlier: OutlierDetection): void {
  const split = outlier.splitExternalLocalOriginErrors === true;
  draft.cluster.outlierDetection = create(OutlierDetectionSchema, {
    enforcingSuccessRate: 0,
    ...counted("consecutive5xx", "enforcingConsecutive5xx", outlier.consecutive5xxErrors),
    ...counted("consecutiveGatewayFailure", "enforcingConsecutiveGatewayFailure", outlier.consecutiveGatewayErrors),
    ...span("interval", outlier.interval),
    ...span("baseEjectionTime", outlier.baseEjectionTime),
    ...(outlier.maxEjectionPercent === undefined ? {} : { maxEjectionPercent: outlier.maxEjectionPercent }),
    ...(split ? { splitExternalLocalOriginErrors: true, enforcingLocalOriginSuccessRate: 0 } : {}),
    ...(split && (outlier.consecutiveLocalOriginFailures ?? 0) > 0
      ? counted("consecutiveLocalOriginFailure", "enforcingConsecutiveLocalOriginFailure", outlier.consecutiveLocalOriginFailures)
      : {}),
  });
  if (outlier.httpErrorCodes.length > 0) applyErrorMatcher(draft, anyOf(outlier.httpErrorCodes.map((code) => status(code))));
}

/** What counts as an error, and nothing else (`error_matcher`, Envoy 1.36). */
export function applyErrorMatcher(draft: ClusterDraft, errorMatcher: Predicate): void {
  optionsOf(draft).outlierDetection = create(HttpProtocolOptions_OutlierDetectionSchema, { errorMatcher });
}

export type Predicate = MessageInitShape<typeof MatchPredicateSchema>;

function anyOf(rules: readonly Predicate[]): Predicate {
  const [only] = rules;
  return rules.length === 1 && only !== undefined ? only : { rule: { case: "orMatch", value: { rules: [...rules] } } };
}

function status(code: number): Predicate {
  const match = { case: "stringMatch" as const, value: { matchPattern: { case: "exact" as const, value: String(code) } } };
  return { rule: { case: "httpResponseHeadersMatch", value: { headers: [{ name: ":status", headerMatchSpecifier: match }] } } };
}

/** A count of 0 turns the kind of error off. */
function counted(count: string, enforcing: string, value: number | undefined): Readonly<Record<string, number>> {
  return value === undefined ? {} : { [count]: value, [enforcing]: value > 0 ? 100 : 0 };
}

function span(name: "interval" | "baseEjectionTime", value: number | undefined) {
  return value === undefined ? {} : { [name]: milliseconds(value) };
}

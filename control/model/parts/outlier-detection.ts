import { boolean, integer, list, object, optional, refused } from "../fields/index.ts";
import type { OutlierDetection } from "../traffic-policy.ts";
import { wholeMilliseconds } from "./connection-pool.ts";

/** `istio.networking.v1alpha3.OutlierDetection`. */
export const outlierDetection = object(
  {
    consecutive5xxErrors: optional(integer(), "Answers of 5xx in a row; 0 never. Default: 5."),
    consecutiveGatewayErrors: optional(integer(), "Answers of 502, 503 or 504 in a row; 0 never. Default: 0."),
    consecutiveErrors: refused("it was removed from Istio; write consecutive5xxErrors or consecutiveGatewayErrors"),
    interval: optional(wholeMilliseconds, "Time between decisions. Default: 10s."),
    baseEjectionTime: optional(
      wholeMilliseconds,
      "How long an endpoint is out the first time; each time after that this much longer. Default: 30s.",
    ),
    maxEjectionPercent: optional(integer({ most: 100 }), "Share of the endpoints that may be out. Default: 10."),
    minHealthPercent: optional(
      integer({ most: 100 }),
      "Below this share of healthy endpoints all of them get traffic again. Default: 0, never.",
    ),
    splitExternalLocalOriginErrors: optional(boolean, "Attempts without an answer are counted by themselves. Default: false."),
    consecutiveLocalOriginFailures: optional(integer(), "Attempts without an answer in a row. Default: 5."),
    outlierDetectionHttpErrorCodes: optional(list(integer({ least: 100, most: 599 })), "Statuses that are errors, in the place of 5xx."),
  },
  {
    check({ splitExternalLocalOriginErrors, consecutiveLocalOriginFailures }, context) {
      if ((consecutiveLocalOriginFailures ?? 0) > 0 && splitExternalLocalOriginErrors !== true)
        context.at("consecutiveLocalOriginFailures").wrong("counts only where splitExternalLocalOriginErrors is true");
    },
  },
);

type OutlierDetectionSpec = NonNullable<ReturnType<typeof outlierDetection.read>>;

export function outlierDetectionOf(spec: OutlierDetectionSpec): OutlierDetection {
  const { outlierDetectionHttpErrorCodes, consecutiveErrors: _refused, maxEjectionPercent, ...rest } = spec;
  // Istio's number cannot be told apart from a missing one where it is 0.
  return { ...rest, maxEjectionPercent: maxEjectionPercent || undefined, httpErrorCodes: outlierDetectionHttpErrorCodes ?? [] };
}

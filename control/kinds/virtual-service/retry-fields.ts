import { boolean, defaulted, type FieldType, integer, object, optional, text } from "../../model/fields/index.ts";
import { wholeMilliseconds } from "../../model/parts/index.ts";

/** Conditions of Envoy (`x-envoy-retry-on`, `x-envoy-retry-grpc-on`) that Istio takes. */
const CONDITIONS = new Set([
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "retriable-4xx",
  "refused-stream",
  "retriable-status-codes",
  "retriable-headers",
  "envoy-ratelimited",
  "http3-post-connect-failure",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
]);

/** Codes that have a name (Go's `http.StatusText`, by which Istio judges). */
const STATUS_CODES = new Set(
  [
    [100, 103],
    [200, 208],
    [226, 226],
    [300, 305],
    [307, 308],
    [400, 418],
    [421, 426],
    [428, 429],
    [431, 431],
    [451, 451],
    [500, 508],
    [510, 511],
  ].flatMap(([first = 0, last = 0]) => Array.from({ length: last - first + 1 }, (_, index) => `${first + index}`)),
);

const retryOn: FieldType<string> = text({
  empty: true,
  check(value) {
    if (value === "") return undefined;
    for (const part of value.split(",").map((each) => each.trim())) {
      if (!CONDITIONS.has(part) && !STATUS_CODES.has(part))
        return `${JSON.stringify(part)} is no condition; take ${[...CONDITIONS].join(", ")} or a status code`;
    }
    return undefined;
  },
});

/** `HTTPRetry`. */
export const retries = object(
  {
    attempts: defaulted(integer({ most: 2_147_483_647 }), 0, "Retries at the most; 0: none."),
    perTryTimeout: optional(wholeMilliseconds, "For each attempt. Default: the route's."),
    retryOn: optional(retryOn, "Conditions and status codes, by commas. Default: connect-failure,refused-stream,unavailable,cancelled."),
    retryRemoteLocalities: optional(boolean, "Whether other localities are asked too."),
    retryIgnorePreviousHosts: optional(boolean, "Whether another host is taken than before. Default: true."),
    backoff: optional(wholeMilliseconds, "Least time between attempts. Default: 25ms."),
  },
  {
    check({ attempts, perTryTimeout, retryOn: on, retryRemoteLocalities, backoff }, context) {
      if (attempts === 0 && (perTryTimeout ?? on ?? retryRemoteLocalities ?? backoff) !== undefined)
        context.wrong("attempts are 0, so nothing is tried again, and nothing else here has an effect");
    },
  },
);

import { parsedFixed, parsedInteger, parseFixed, parseInteger } from "../lib/number";
import { BUCKETS } from "../lib/match";
import { Bytes, HeaderMap } from "../sdk";

// Headers by which a client asks for a fault, with the names and the meaning that Envoy's own fault filter gives them
// (HTTPFault, "Controlling fault injection via HTTP headers"). They go on to the upstream, as there.

const DELAY = Bytes.of("x-envoy-fault-delay-request");
const DELAY_PERCENTAGE = Bytes.of("x-envoy-fault-delay-request-percentage");
const ABORT = Bytes.of("x-envoy-fault-abort-request");
const ABORT_GRPC = Bytes.of("x-envoy-fault-abort-grpc-request");
const ABORT_PERCENTAGE = Bytes.of("x-envoy-fault-abort-request-percentage");

/** Past this, an hour, it is no delay: whoever may send the header could keep streams for weeks. */
const MOST_MILLISECONDS: i64 = 3_600_000;

/** Milliseconds; 0 without a number from 1 to an hour. */
export function delayOfHeaders(headers: HeaderMap): u32 {
  return <u32>numberOf(headers.get(DELAY), 1, MOST_MILLISECONDS, 0);
}

/** An HTTP status from 200 to 599; 0 without one. */
export function httpStatusOfHeaders(headers: HeaderMap): u32 {
  return <u32>numberOf(headers.get(ABORT), 200, 599, 0);
}

/** A gRPC status from 0 to 16, what the ABI can say; -1 without. Counts only where there is no HTTP status. */
export function grpcStatusOfHeaders(headers: HeaderMap): i32 {
  return <i32>numberOf(headers.get(ABORT_GRPC), 0, 16, -1);
}

export function delayShareOfHeaders(headers: HeaderMap): u32 {
  return shareOf(headers.get(DELAY_PERCENTAGE));
}

export function abortShareOfHeaders(headers: HeaderMap): u32 {
  return shareOf(headers.get(ABORT_PERCENTAGE));
}

function numberOf(value: Bytes | null, least: i64, most: i64, fallback: i64): i64 {
  if (value == null) return fallback;
  const number = parseInteger(value);
  return parsedInteger() && number >= least && number <= most ? number : fallback;
}

/** Percent as buckets of a million; all of them, so that the configured percentage alone counts, without a number. */
function shareOf(value: Bytes | null): u32 {
  if (value == null) return BUCKETS;
  const share = parseFixed(value, 4);
  return parsedFixed() && share >= 0 ? <u32>min<i64>(share, <i64>BUCKETS) : BUCKETS;
}

import { clock_time_get, proxy_get_current_time_nanoseconds } from "../abi/hostcalls";
import { RESULT, resultU64 } from "../abi/results";

const MONOTONIC: u32 = 1;

/** Nanoseconds since 1970, of the wall clock, which can step. */
export function currentTime(): u64 {
  return proxy_get_current_time_nanoseconds(RESULT) == 0 ? resultU64() : 0;
}

/** Nanoseconds of a clock that never steps: for durations. */
export function monotonicTime(): u64 {
  return clock_time_get(MONOTONIC, 0, RESULT) == 0 ? resultU64() : 0;
}

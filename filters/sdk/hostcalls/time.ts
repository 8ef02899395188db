import { clock_time_get, proxy_get_current_time_nanoseconds } from "../abi/hostcalls";
import { RESULT, resultU64 } from "../abi/results";

import { epoch } from "./epoch";

const MONOTONIC: u32 = 1;

let readAt: u32 = 0;
let latest: u64 = 0;

/** Nanoseconds since 1970, of the wall clock, which can step. */
export function currentTime(): u64 {
  return note(proxy_get_current_time_nanoseconds(RESULT) == 0 ? resultU64() : 0);
}

/** Nanoseconds of a clock that never steps: for durations. */
export function monotonicTime(): u64 {
  return note(clock_time_get(MONOTONIC, 0, RESULT) == 0 ? resultU64() : 0);
}

// @ts-ignore: decorator
@inline
function note(time: u64): u64 {
  readAt = epoch;
  latest = time;
  return time;
}

/** What either clock said last in this callback; 0 where none was read. */
export function knownTime(): u64 {
  return readAt == epoch ? latest : 0;
}

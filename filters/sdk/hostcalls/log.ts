import { Bytes } from "../../lib/bytes";
import { LogLevel } from "../abi/enums";
import { proxy_get_log_level, proxy_log } from "../abi/hostcalls";
import { RESULT, resultU32 } from "../abi/results";
import { epoch } from "./epoch";
import { knownTime } from "./time";

/** Nanoseconds. */
const KEPT_FOR: u64 = 100_000_000;

/** Writes one line to Envoy's log. Lines below its level are dropped by Envoy, after the call was paid for. */
// @ts-ignore: decorator
@inline
export function log(level: LogLevel, message: Bytes): void {
  proxy_log(level, message.pointer, <usize>message.length);
}

/** The same for a managed string: for configuration and failures, never for each request. */
export function logString(level: LogLevel, message: string): void {
  const bytes = String.UTF8.encode(message);
  proxy_log(level, changetype<usize>(bytes), <usize>bytes.byteLength);
}

let writtenFrom: u32 = u32.MAX_VALUE;
let askedAt: u32 = 0;
let askedTime: u64 = 0;

/**
 * Whether lines of `level` are written at present. Envoy's admin interface can change it: asked anew in each callback, but in those that know the time by then not
 * more than ten times a second.
 */
export function logEnabled(level: LogLevel): bool {
  if (askedAt != epoch) {
    askedAt = epoch;
    const now = knownTime();
    // Where the clock steps back, or there are two, the difference is a large number.
    if (now == 0 || now - askedTime > KEPT_FOR) {
      askedTime = now;
      writtenFrom = proxy_get_log_level(RESULT) == 0 ? resultU32() : u32.MAX_VALUE;
    }
  }
  return writtenFrom <= <u32>level;
}

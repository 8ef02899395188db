import { Bytes } from "../../lib/bytes";
import { LogLevel } from "../abi/enums";
import { proxy_get_log_level, proxy_log } from "../abi/hostcalls";
import { RESULT, resultU32 } from "../abi/results";

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

/** Whether lines of `level` are written at present. Asked anew each time, because Envoy's admin interface can change it. */
export function logEnabled(level: LogLevel): bool {
  return proxy_get_log_level(RESULT) == 0 && resultU32() <= <u32>level;
}

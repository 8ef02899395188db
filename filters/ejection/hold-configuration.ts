import { ConfigValue } from "../lib/config";
import { MAX_HOLD_BYTES, MAX_HOLD_TIME } from "./limits";
import { Settings } from "./settings";

const FIELDS: string[] = ["timeout", "bytes"];

/** Reads `hold`. */
export function parseHold(value: ConfigValue, settings: Settings): void {
  value.object(FIELDS);
  const timeout = value.required("timeout");
  if (timeout != null) {
    const milliseconds = timeout.duration();
    if (milliseconds < 1 || milliseconds > MAX_HOLD_TIME) timeout.report("must be from 1ms to 60s");
    else settings.holdTime = <u32>milliseconds;
  }
  const bytes = value.get("bytes");
  if (bytes != null) settings.holdBytes = <i32>bytes.integer(1, MAX_HOLD_BYTES);
}

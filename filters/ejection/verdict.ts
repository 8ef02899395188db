import { Text } from "../sdk";
import { Settings } from "./settings";

// A verdict as a number that workers share: a rule's place and one more, or what an interval's outcomes said.

export const NO_VERDICT: i32 = 0;
export const BY_SUCCESS_RATE: i32 = 101;
export const BY_FAILURE_PERCENTAGE: i32 = 102;
export const BY_LATENCY: i32 = 103;

const SUCCESS_RATE = Text.of("successRate");
const FAILURE_PERCENTAGE = Text.of("failurePercentage");
const LATENCY = Text.of("latency");
const UNKNOWN = Text.of("");

/** What reached a verdict, as it stands in the configuration. */
export function nameOf(verdict: i32, settings: Settings): Text {
  switch (verdict) {
    case BY_SUCCESS_RATE:
      return SUCCESS_RATE;
    case BY_FAILURE_PERCENTAGE:
      return FAILURE_PERCENTAGE;
    case BY_LATENCY:
      return LATENCY;
    default:
      return verdict > 0 && verdict <= settings.rules.length ? settings.rules[verdict - 1].name : UNKNOWN;
  }
}

import { ConfigValue } from "../lib/config";
import { Quorum, Settings } from "./settings";

const MAX_HOSTS: i64 = 4_096;
const MAX_VOLUME: i64 = 1_000_000;

/** Reads what compares hosts by the outcomes of an interval, with the defaults of Envoy's `outlier_detection`. */
export function parseWindows(value: ConfigValue, settings: Settings): void {
  const successRate = value.get("successRate");
  if (successRate != null) {
    successRate.object(["minimumHosts", "requestVolume", "stdevFactor"]);
    settings.successRate = parseQuorum(successRate, 5, 100);
    settings.successRateStdevFactor = integer(successRate, "stdevFactor", 0, 100_000, 1_900);
  }
  const failurePercentage = value.get("failurePercentage");
  if (failurePercentage != null) {
    failurePercentage.object(["minimumHosts", "requestVolume", "threshold"]);
    settings.failurePercentage = parseQuorum(failurePercentage, 5, 50);
    settings.failurePercentageThreshold = integer(failurePercentage, "threshold", 1, 100, 85);
  }
  const latency = value.get("latency");
  if (latency != null) {
    latency.object(["minimumHosts", "requestVolume", "factor"]);
    settings.latency = parseQuorum(latency, 5, 50);
    const factor = latency.get("factor");
    if (factor != null) settings.latencyFactor = <i32>factor.integer(2, 1_000) * 1_000;
  }
}

function parseQuorum(value: ConfigValue, minimumHosts: i32, requestVolume: i32): Quorum {
  return new Quorum(
    integer(value, "minimumHosts", 1, MAX_HOSTS, minimumHosts),
    integer(value, "requestVolume", 1, MAX_VOLUME, requestVolume),
  );
}

function integer(value: ConfigValue, name: string, least: i64, most: i64, fallback: i32): i32 {
  const member = value.get(name);
  return member != null ? <i32>member.integer(least, most) : fallback;
}

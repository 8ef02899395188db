import { ConfigValue } from "../lib/config";
import { Text } from "../sdk";
import { Rule, StatusRange } from "./rule";
import { Settings } from "./settings";

const FIELDS: string[] = [
  "consecutive5xxErrors",
  "consecutiveGatewayErrors",
  "interval",
  "baseEjectionTime",
  "maxEjectionPercent",
  "minHealthPercent",
  "splitExternalLocalOriginErrors",
  "consecutiveLocalOriginFailures",
];
const MAX_CONSECUTIVE: i64 = 10_000;
const MILLISECOND: u64 = 1_000_000;
/** A day, in milliseconds. */
const MAX_TIME: i64 = 86_400_000;

/** Reads Istio's `outlierDetection`, with its defaults. */
export function parseOutlierDetection(value: ConfigValue, settings: Settings): void {
  value.object(FIELDS);
  const split = value.get("splitExternalLocalOriginErrors");
  const splits = split != null && split.bool();
  addStatusRule(settings, "consecutive5xxErrors", count(value, "consecutive5xxErrors", 5), 500, 599, !splits);
  addStatusRule(settings, "consecutiveGatewayErrors", count(value, "consecutiveGatewayErrors", 0), 502, 504, !splits);
  const localOrigin = count(value, "consecutiveLocalOriginFailures", 5);
  if (splits && localOrigin > 0) {
    const rule = new Rule(Text.of("consecutiveLocalOriginFailures"));
    rule.consecutive = localOrigin;
    rule.localOrigin = true;
    settings.rules.push(rule);
  }
  const interval = value.get("interval");
  if (interval != null) settings.interval = time(interval, 10_000);
  const baseEjectionTime = value.get("baseEjectionTime");
  if (baseEjectionTime != null) settings.baseEjectionTime = time(baseEjectionTime, 30_000);
  const maxEjectionPercent = value.get("maxEjectionPercent");
  if (maxEjectionPercent != null) settings.maxEjectionPercent = <i32>maxEjectionPercent.integer(0, 100);
  const minHealthPercent = value.get("minHealthPercent");
  if (minHealthPercent != null) settings.minHealthPercent = <i32>minHealthPercent.integer(0, 100);
}

/** Failures in a row; 0 is never. */
function count(value: ConfigValue, name: string, fallback: i32): i32 {
  const member = value.get(name);
  return member != null ? <i32>member.integer(0, MAX_CONSECUTIVE) : fallback;
}

function addStatusRule(settings: Settings, name: string, consecutive: i32, first: i32, last: i32, localOrigin: bool): void {
  if (consecutive == 0) return;
  const rule = new Rule(Text.of(name));
  rule.consecutive = consecutive;
  rule.statuses.push(new StatusRange(first, last));
  rule.mapsGrpc = true;
  rule.localOrigin = localOrigin;
  settings.rules.push(rule);
}

/** Nanoseconds. Istio wants a millisecond at least. */
function time(value: ConfigValue, fallback: i64): u64 {
  const milliseconds = value.duration();
  if (milliseconds >= 1 && milliseconds <= MAX_TIME) return <u64>milliseconds * MILLISECOND;
  value.report("must be from 1ms to 24h");
  return <u64>fallback * MILLISECOND;
}

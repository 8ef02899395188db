import { ConfigValue } from "../lib/config";
import { ReportSettings } from "./report";

const FIELDS: string[] = ["cluster", "path", "authority", "period", "timeout", "maxHosts"];
const MILLISECOND: u64 = 1_000_000;

/** Reads `report`; `null` where it cannot be used, which is reported. */
export function parseReport(value: ConfigValue): ReportSettings | null {
  value.object(FIELDS);
  const cluster = value.required("cluster");
  if (cluster == null) return null;
  const settings = new ReportSettings(cluster.nonEmptyText());
  const path = value.get("path");
  if (path != null) {
    settings.path = path.headerValue();
    if (settings.path.bytes.length == 0 || settings.path.bytes[0] != 0x2f) path.report("must begin with /");
  }
  const authority = value.get("authority");
  if (authority != null) settings.authority = authority.headerValue();
  const period = value.get("period");
  if (period != null) settings.period = <u64>milliseconds(period, 100, 86_400_000) * MILLISECOND;
  const timeout = value.get("timeout");
  if (timeout != null) settings.timeout = <u32>milliseconds(timeout, 1, 60_000);
  const maxHosts = value.get("maxHosts");
  if (maxHosts != null) settings.maxHosts = <i32>maxHosts.integer(1, 4_096);
  return settings;
}

function milliseconds(value: ConfigValue, least: i64, most: i64): i64 {
  const time = value.duration();
  if (time >= least && time <= most) return time;
  value.report(least == 1 ? "must be from 1ms to 60s" : "must be from 100ms to 24h");
  return least;
}

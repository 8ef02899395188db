import { Rule } from "./rule";

/** What carries a verdict out. */
export const enum EjectBy {
  /** Envoy's outlier detection, by `error_matcher` on the mark. */
  OutlierDetection,
  /** Envoy's active health checking, by `x-envoy-immediate-health-check-fail`. */
  HealthCheck,
}

/** Everything that a configuration says about one cluster, compiled. Times are nanoseconds but where they say otherwise. */
@final
export class Settings {
  /** Those of `outlierDetection` first. A rule's place is that of its counter in a host's record. */
  readonly rules: Rule[] = [];
  ejectBy: EjectBy = EjectBy.OutlierDetection;
  interval: u64 = 10_000_000_000;
  baseEjectionTime: u64 = 30_000_000_000;
  maxEjectionPercent: i32 = 10;
  /** Share of hosts that must stay, in per cent. Envoy's, as its panic threshold; the filter keeps to it where it ejects by health checks. */
  minHealthPercent: i32 = 0;
  /** Local origin errors count as 5xx and gateway errors. */
  countsLocalOrigin: bool = false;
  /** Milliseconds that headers are held back for a verdict that comes after them; 0 for not. */
  holdTime: u32 = 0;
  holdBytes: i32 = 65_536;
  /** Tells apart what counters mean: those of another configuration are forgotten. */
  version: u32 = 0;
}

import { Rule } from "./rule";

/** What carries a verdict out. */
export const enum EjectBy {
  /** Envoy's outlier detection, by `error_matcher` on the mark. */
  OutlierDetection,
  /** Envoy's active health checking, by `x-envoy-immediate-health-check-fail`. */
  HealthCheck,
}

/** What a comparison of hosts needs to begin. */
@final
export class Quorum {
  constructor(
    /** Hosts with enough answers. */
    public minimumHosts: i32,
    /** Answers of a host in an interval. */
    public requestVolume: i32,
  ) {}
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
  /** Share of hosts that must stay in, in per cent. */
  minHealthPercent: i32 = 0;
  /** `null` where hosts are not compared by it. */
  successRate: Quorum | null = null;
  /** Thousandths of a standard deviation. */
  successRateStdevFactor: i32 = 1_900;
  failurePercentage: Quorum | null = null;
  failurePercentageThreshold: i32 = 85;
  latency: Quorum | null = null;
  /** Thousandths of the median of the others. */
  latencyFactor: i32 = 3_000;
  /** Milliseconds that headers are held back for a verdict that comes after them; 0 for not. */
  holdTime: u32 = 0;
  holdBytes: i32 = 65_536;
  /** Tells apart what counters mean: those of another configuration are forgotten. Never 0. */
  version: u32 = 1;

  /** Whether there is anything that could find a host to be out. */
  get judges(): bool {
    return this.rules.length > 0 || this.comparesHosts;
  }

  get comparesHosts(): bool {
    return this.successRate != null || this.failurePercentage != null || this.latency != null;
  }

  /** Whether it matters how long answers take. */
  get timesAnswers(): bool {
    for (let i = 0; i < this.rules.length; i++) {
      if (this.rules[i].asksLatency) return true;
    }
    return this.latency != null;
  }

  /** Whether a rule asks for a quantile of latency. */
  get asksQuantile(): bool {
    for (let i = 0; i < this.rules.length; i++) {
      if (this.rules[i].latencyQuantile != 0) return true;
    }
    return false;
  }

  /** Milliseconds between two ticks: what a worker counted is shared as often, and an interval is evaluated two ticks after its end. */
  get tick(): u32 {
    return <u32>max<u64>(min<u64>(this.interval / 4, 1_000_000_000) / 1_000_000, 10);
  }
}

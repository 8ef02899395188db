import { addTo, BUCKETS, quantileOf } from "../lib/histogram";
import { MAX_RULES } from "./limits";
import { LatencyRecord, latencyRecords } from "./latency-record";
import { Settings } from "./settings";

/** Answers of an interval from which on its quantiles mean something. */
const VOLUME: u64 = 20;
const ATTEMPTS: i32 = 64;

/** The latencies of a cluster's answers at this worker, and from all workers together what rules ask for. */
@final
export class Latencies {
  private readonly counts: StaticArray<u32> = new StaticArray<u32>(BUCKETS);
  private counted: bool = false;
  private interval: u64 = 0;
  /** For each rule, how long an answer may take, microseconds; 0 while that is not known. */
  readonly quantiles: StaticArray<u64> = new StaticArray<u64>(MAX_RULES);

  /** Counts the latency of an answer, microseconds. `cluster`: hash of its name. */
  count(cluster: u64, settings: Settings, latency: u64, now: u64): void {
    const interval = now / settings.interval;
    if (interval != this.interval) this.share(cluster, settings, now);
    this.interval = interval;
    this.counted = true;
    addTo(changetype<usize>(this.counts), latency);
  }

  /** Adds what this worker counted to what all did, and takes the quantiles of the interval before from that. */
  share(cluster: u64, settings: Settings, now: u64): void {
    const interval = now / settings.interval;
    for (let i = 0; i < ATTEMPTS; i++) {
      const record = changetype<LatencyRecord>(latencyRecords.open(cluster, now));
      if (this.counted) record.add(this.interval, changetype<usize>(this.counts));
      record.turnTo(interval);
      const previous = record.previous;
      if (!latencyRecords.commit()) continue;
      this.take(settings, previous);
      break;
    }
    this.counted = false;
    memory.fill(changetype<usize>(this.counts), 0, (<usize>BUCKETS) << 2);
  }

  /** An interval with too few answers changes nothing. */
  private take(settings: Settings, histogram: usize): void {
    let total: u64 = 0;
    for (let i = 0; i < BUCKETS; i++) total += <u64>load<u32>(histogram + ((<usize>i) << 2));
    if (total < VOLUME) return;
    for (let i = 0; i < settings.rules.length; i++) {
      const share = unchecked(settings.rules[i]).latencyQuantile;
      if (share != 0) unchecked((this.quantiles[i] = quantileOf(histogram, share)));
    }
  }
}

import { BUCKETS } from "../lib/histogram";
import { SharedRecord, SharedTable } from "./shared-table";

const SLOTS: i32 = 128;
const WAYS: i32 = 16;
const SIZE: usize = (<usize>BUCKETS) << 2;

/**
 * The latencies of all answers of one cluster, for rules with a quantile.
 *
 * ```
 *   fields | histogram of this interval | histogram of the one before
 * ```
 */
@unmanaged
@final
export class LatencyRecord extends SharedRecord {
  /** Monotonic number of the interval that the newer histogram is about. */
  interval: u64;

  get current(): usize {
    return changetype<usize>(this) + offsetof<LatencyRecord>();
  }

  get previous(): usize {
    return this.current + SIZE;
  }

  /** Makes `interval` the one that the newer histogram is about. */
  turnTo(interval: u64): void {
    if (interval <= this.interval) return;
    if (interval == this.interval + 1) memory.copy(this.previous, this.current, SIZE);
    else memory.fill(this.previous, 0, SIZE);
    memory.fill(this.current, 0, SIZE);
    this.interval = interval;
  }

  /** Adds a histogram of `interval`, where that is still kept. */
  add(interval: u64, counts: usize): void {
    this.turnTo(interval);
    if (interval + 1 < this.interval) return;
    const to = interval == this.interval ? this.current : this.previous;
    for (let at: usize = 0; at < SIZE; at += 4) store<u32>(to + at, load<u32>(to + at) + load<u32>(counts + at));
  }
}

/** The records of all clusters of this `vm_id` whose rules ask for a quantile. */
export const latencyRecords = new SharedTable("meshwright.ejection.latency.", SLOTS, WAYS, <i32>offsetof<LatencyRecord>() + 2 * <i32>SIZE);

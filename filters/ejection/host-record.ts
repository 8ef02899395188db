import { Bytes } from "../sdk";
import { MAX_RULES } from "./limits";
import { Settings } from "./settings";
import { SharedRecord, SharedTable } from "./shared-table";
import { NO_VERDICT } from "./verdict";

/** Bytes of an address that are kept, for reports: enough for IPv6 with zone and port. */
export const MAX_ADDRESS: i32 = 64;
const PREFIX = "meshwright.ejection.host.";
/** Hosts at most: slots by ways. */
const SLOTS: i32 = 256;
const WAYS: i32 = 16;
/** Envoy's `max_ejection_time` where it is not configured: 5 minutes, or `base_ejection_time` where that is longer. */
const MAX_EJECTION_TIME: u64 = 300_000_000_000;

/** Outcomes of one interval. */
@unmanaged
@final
export class Outcomes {
  good: u32;
  failed: u32;
  /** Answers that `latency` is about. */
  timed: u32;
  unused: u32;
  /** Microseconds, of all of them together. */
  latency: u64;

  get total(): u32 {
    return this.good + this.failed;
  }

  add(other: Outcomes): void {
    this.good += other.good;
    this.failed += other.failed;
    this.timed += other.timed;
    this.latency += other.latency;
  }


  @inline
  clear(): void {
    memory.fill(changetype<usize>(this), 0, offsetof<Outcomes>());
  }
}

/**
 * What all workers know of one host of one cluster.
 *
 * ```
 *   fields | Outcomes of this interval | Outcomes of the one before | address (64 bytes) | counters (u16 for each rule)
 * ```
 */
@unmanaged
@final
export class HostRecord extends SharedRecord {
  /** Hash of the cluster's name. */
  cluster: u64;
  /** {@link Settings.version} that counters and outcomes belong to. */
  version: u32;
  /** Who found the host to be out, as long as no response carries it; else {@link NO_VERDICT}. */
  verdict: i32;
  /** Monotonic nanoseconds: until then the host is out at the least, and answers still under way say nothing new. */
  quietUntil: u64;
  /** The same as Envoy has it, which grows with the number of ejections. */
  outUntil: u64;
  /** Monotonic number of the interval that the newer outcomes are about. */
  interval: u64;
  /** Microseconds: moving average over intervals; 0 as long as there is none. */
  average: u64;
  totalGood: u64;
  totalFailed: u64;
  totalEjections: u32;
  /** Ejections in a row: one less for each interval in which the host was in (`ejectTimeBackoff` of Envoy's detector). */
  backOff: u32;
  addressLength: i32;
  unused: u32;

  get current(): Outcomes {
    return changetype<Outcomes>(changetype<usize>(this) + offsetof<HostRecord>());
  }

  get previous(): Outcomes {
    return changetype<Outcomes>(changetype<usize>(this) + offsetof<HostRecord>() + offsetof<Outcomes>());
  }

  get address(): Bytes {
    return Bytes.view(this.addressPointer, this.addressLength);
  }

  set address(value: Bytes) {
    this.addressLength = min(value.length, MAX_ADDRESS);
    memory.copy(this.addressPointer, value.pointer, <usize>this.addressLength);
  }

  private get addressPointer(): usize {
    return changetype<usize>(this) + offsetof<HostRecord>() + 2 * offsetof<Outcomes>();
  }

  /** Failures in a row by the rule in this place. */
  counter(rule: i32): u32 {
    return <u32>load<u16>(this.countersPointer + ((<usize>rule) << 1));
  }

  setCounter(rule: i32, value: u32): void {
    store<u16>(this.countersPointer + ((<usize>rule) << 1), <u16>value);
  }

  clearCounters(): void {
    memory.fill(this.countersPointer, 0, (<usize>MAX_RULES) << 1);
  }

  get hasCounters(): bool {
    for (let at: usize = 0; at < (<usize>MAX_RULES) << 1; at += 8) {
      if (load<u64>(this.countersPointer + at) != 0) return true;
    }
    return false;
  }

  /** Whether a good answer would change something: there are failures in a row, or a verdict. */
  get isSuspect(): bool {
    return this.verdict != NO_VERDICT || this.hasCounters;
  }

  private get countersPointer(): usize {
    return this.addressPointer + MAX_ADDRESS;
  }

  /** Makes a new record, or one of other settings, one of `settings`. */
  belongTo(cluster: u64, settings: Settings, address: Bytes): void {
    if (this.addressLength == 0) {
      this.address = address;
      this.cluster = cluster;
    }
    if (this.version == settings.version) return;
    this.version = settings.version;
    this.verdict = NO_VERDICT;
    this.interval = 0;
    this.average = 0;
    this.current.clear();
    this.previous.clear();
    this.clearCounters();
  }

  /** Adds outcomes of an interval. Those of one that is over and kept no longer are counted in the totals alone. */
  addOutcomes(interval: u64, outcomes: Outcomes): void {
    this.totalGood += <u64>outcomes.good;
    this.totalFailed += <u64>outcomes.failed;
    if (interval > this.interval) this.turnTo(interval);
    if (interval == this.interval) this.current.add(outcomes);
    else if (interval + 1 == this.interval) this.previous.add(outcomes);
  }

  private turnTo(interval: u64): void {
    if (interval == this.interval + 1) memory.copy(changetype<usize>(this.previous), changetype<usize>(this.current), offsetof<Outcomes>());
    else this.previous.clear();
    this.current.clear();
    this.interval = interval;
  }

  /** What is known of an interval; `null` where that is nothing any more, or not yet. */
  outcomesOf(interval: u64): Outcomes | null {
    if (interval == this.interval) return this.current;
    return interval + 1 == this.interval ? this.previous : null;
  }

  /** A response carries the verdict: from here on the host is out. */
  eject(settings: Settings, now: u64): void {
    const healthy = now > this.outUntil && settings.interval > 0 ? (now - this.outUntil) / settings.interval : 0;
    this.backOff = <u32>(<u64>this.backOff > healthy ? <u64>this.backOff - healthy : 0) + 1;
    const base = settings.baseEjectionTime;
    this.quietUntil = now + base;
    this.outUntil = now + min(base * <u64>this.backOff, max(base, MAX_EJECTION_TIME));
    this.totalEjections++;
    this.verdict = NO_VERDICT;
    this.clearCounters();
  }
}

const HOST_RECORD_SIZE: i32 = <i32>offsetof<HostRecord>() + 2 * <i32>offsetof<Outcomes>() + MAX_ADDRESS + (MAX_RULES << 1);

/** The records of all hosts of this `vm_id`. */
export const hostRecords = new SharedTable(PREFIX, SLOTS, WAYS, HOST_RECORD_SIZE);

/** The same for walks over all of them, which may come in between `open` and `commit` of one. */
export const allHosts = new SharedTable(PREFIX, SLOTS, WAYS, HOST_RECORD_SIZE);

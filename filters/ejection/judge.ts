import { xxHash64 } from "../lib/hash";
import { Bytes, Counter, monotonicTime } from "../sdk";
import { Cluster } from "./cluster";
import { knownCluster } from "./clusters";
import { HostRecord, hostRecords } from "./host-record";
import { HostEntry, hosts } from "./hosts";
import { takePermit } from "./permit";
import { EjectBy, Settings } from "./settings";
import { Suspects } from "./suspects";
import { NO_VERDICT } from "./verdict";

/** Workers that write at once make each other begin anew; one that lost so often gives up this answer. */
const ATTEMPTS: i32 = 64;

/** What became of one answer. */
@unmanaged
@final
class Outcome {
  /** A verdict, which this response is to carry; else none. */
  mark: i32;
  /** The rule that a failure was counted by, the one nearest to its limit; -1 for a good answer. */
  rule: i32;
  /** Failures in a row by this rule. */
  failures: u32;
}

/**
 * Counts answers against their hosts, in windows that all workers share.
 *
 * While no host is suspect ({@link Suspects}) and nobody compares hosts, good answers are not counted at all. Else a failure is written to
 * the host's shared record at once; then `events` is counted up. A good answer of a host without failures need not be written: it is
 * enough that `events`, one cheap hostcall, is what it was when the record was last seen without any. So a worker learns of another's
 * failure at its own next answer, and `consecutive` is exact over all of them.
 */
@final
export class Judge {
  readonly suspects: Suspects = new Suspects();
  private readonly events: Counter = new Counter("ejection.events");
  private readonly failures: Counter = new Counter("ejection.failures");
  private readonly overflow: Counter = new Counter("ejection.overflow");
  /** Whether there is something to share. */
  private counted: bool = false;
  private permitted: bool = false;
  private readonly outcome: Outcome = changetype<Outcome>(memory.data(offsetof<Outcome>(), 8));

  /** The number of the rule that a failure was counted by last; -1 for none. */
  get rule(): i32 {
    return this.outcome.rule;
  }

  /** Its failures in a row. */
  get inARow(): u32 {
    return this.outcome.failures;
  }

  /** What this worker knows of a host. */
  entryOf(cluster: Cluster, address: Bytes): HostEntry {
    const hash = xxHash64(address, cluster.hash);
    return hosts.open(hash != 0 ? hash : 1, cluster.hash, address);
  }

  /**
   * Counts an answer, or an attempt without one. `failed` and `concerned` have a bit for each rule: the answer is a failure by it, the
   * answer says something about it. `now` may be as old as a tick. `latency`: microseconds, 0 where there was no answer. Returns the
   * verdict that the response is to carry; with `open` false its headers are gone, and one that is reached stays for the host's next
   * response.
   */
  count(entry: HostEntry, settings: Settings, failed: u32, concerned: u32, isFailure: bool, latency: u64, open: bool, now: u64): i32 {
    const outcome = this.outcome;
    outcome.rule = -1;
    outcome.failures = 0;
    const events = this.events.value;
    if (entry.version != settings.version) {
      entry.version = settings.version;
      entry.outcomes.clear();
      entry.clean = false;
    }
    this.countOutcome(entry, settings, isFailure, latency, now);
    if (failed == 0 && entry.clean && entry.seenEvents == events) return NO_VERDICT;
    return this.share(entry, settings, failed, concerned, open, monotonicTime(), events);
  }

  /** The verdict of an answer before, which the response at hand is to carry; for an answer that will be counted later. */
  take(entry: HostEntry, settings: Settings): i32 {
    const events = this.events.value;
    if (entry.version == settings.version && entry.clean && entry.seenEvents == events) return NO_VERDICT;
    this.permitted = false;
    const now = monotonicTime();
    for (let i = 0; i < ATTEMPTS; i++) {
      const found = hostRecords.find(entry.hash);
      if (found == 0) return NO_VERDICT;
      const record = changetype<HostRecord>(found);
      if (record.version != settings.version || record.verdict == NO_VERDICT || now < record.quietUntil) return NO_VERDICT;
      const verdict = this.carryOut(record, settings, now);
      if (!hostRecords.commit()) continue;
      this.suspects.settle(true, record);
      return verdict;
    }
    return NO_VERDICT;
  }

  private countOutcome(entry: HostEntry, settings: Settings, isFailure: bool, latency: u64, now: u64): void {
    const interval = now / settings.interval;
    if (entry.interval != interval) {
      this.flush(entry, settings, now);
      entry.interval = interval;
    }
    this.counted = true;
    if (isFailure) {
      entry.outcomes.failed++;
      this.failures.increment();
    } else {
      entry.outcomes.good++;
    }
    if (latency == 0) return;
    entry.outcomes.timed++;
    entry.outcomes.latency += latency;
  }

  /** The same for every host of this worker. */
  flushAll(now: u64): void {
    if (!this.counted) return;
    this.counted = false;
    for (let place = 0; place < hosts.places; place++) {
      const entry = hosts.at(place);
      if (entry == null || entry.outcomes.total == 0) continue;
      const cluster = knownCluster(entry.cluster);
      const settings = cluster != null ? cluster.settings : null;
      if (settings != null && settings.version == entry.version) this.flush(entry, settings, now);
    }
  }

  /** Adds what this worker has not shared yet to the host's record. */
  flush(entry: HostEntry, settings: Settings, now: u64): void {
    const outcomes = entry.outcomes;
    if (outcomes.total == 0) return;
    for (let i = 0; i < ATTEMPTS; i++) {
      const record = changetype<HostRecord>(hostRecords.open(entry.hash, now));
      const before = this.suspects.before(record);
      record.belongTo(entry.cluster, settings, entry.address);
      record.addOutcomes(entry.interval, outcomes);
      if (!hostRecords.commit()) continue;
      this.suspects.settle(before, record);
      break;
    }
    outcomes.clear();
  }

  private share(entry: HostEntry, settings: Settings, failed: u32, concerned: u32, open: bool, now: u64, events: u64): i32 {
    this.permitted = false;
    for (let i = 0; i < ATTEMPTS; i++) {
      const found = hostRecords.find(entry.hash);
      if (failed == 0 && (found == 0 || isClean(changetype<HostRecord>(found), settings))) {
        entry.clean = true;
        entry.seenEvents = events;
        return NO_VERDICT;
      }
      const record = changetype<HostRecord>(hostRecords.open(entry.hash, now));
      const before = this.suspects.before(record);
      record.belongTo(entry.cluster, settings, entry.address);
      const mark = this.apply(record, settings, failed, concerned, open, now);
      record.addOutcomes(entry.interval, entry.outcomes);
      const clean = isClean(record, settings);
      if (!hostRecords.commit()) continue;
      this.suspects.settle(before, record);
      entry.outcomes.clear();
      entry.clean = clean;
      entry.seenEvents = events;
      if (!clean) {
        this.events.increment();
        entry.seenEvents = events + 1;
      }
      return mark;
    }
    return NO_VERDICT;
  }

  /** Counts in the record. Returns the verdict that this response carries. */
  private apply(record: HostRecord, settings: Settings, failed: u32, concerned: u32, open: bool, now: u64): i32 {
    const outcome = this.outcome;
    outcome.rule = -1;
    if (now < record.quietUntil) {
      // Out already: what is still under way is no news, and a mark would only confuse Envoy's own count.
      record.verdict = NO_VERDICT;
      return NO_VERDICT;
    }
    const rules = settings.rules;
    let verdict = record.verdict;
    let left: u32 = u32.MAX_VALUE;
    for (let i = 0; i < rules.length; i++) {
      const bit: u32 = 1 << i;
      if ((concerned & bit) == 0) continue;
      if ((failed & bit) == 0) {
        record.setCounter(i, 0);
        continue;
      }
      const limit = <u32>unchecked(rules[i]).consecutive;
      const failures = record.counter(i) + 1;
      record.setCounter(i, failures);
      if (failures >= limit && verdict == NO_VERDICT) verdict = i + 1;
      if (limit - min(failures, limit) < left) {
        left = limit - min(failures, limit);
        outcome.rule = i;
        outcome.failures = failures;
      }
    }
    record.verdict = verdict;
    return open ? this.carryOut(record, settings, now) : NO_VERDICT;
  }

  /** Has the response at hand carry the verdict of the record, where there is one. Returns it. */
  private carryOut(record: HostRecord, settings: Settings, now: u64): i32 {
    const verdict = record.verdict;
    if (verdict == NO_VERDICT) return NO_VERDICT;
    if (settings.ejectBy == EjectBy.HealthCheck && !this.permitted) {
      // Once for this answer, however often it has to be written.
      this.permitted = takePermit(record.cluster, settings, now);
      if (!this.permitted) {
        this.overflow.increment();
        record.verdict = NO_VERDICT;
        record.clearCounters();
        return NO_VERDICT;
      }
    }
    record.eject(settings, now);
    return verdict;
  }
}

/** Whether a good answer has nothing to change in the record. */
function isClean(record: HostRecord, settings: Settings): bool {
  return record.version == settings.version && !record.isSuspect;
}

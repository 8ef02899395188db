import { Spread } from "../lib/outlier";
import { arena, Counter, LogLevel, logString } from "../sdk";
import { decimal } from "../lib/number";
import { Cluster } from "./cluster";
import { ClusterRecord, clusterRecords } from "./cluster-record";
import { allHosts, HostRecord, hostRecords } from "./host-record";
import { isRecent } from "./population";
import { Settings } from "./settings";
import { Suspects } from "./suspects";
import { BY_FAILURE_PERCENTAGE, BY_LATENCY, BY_SUCCESS_RATE, NO_VERDICT } from "./verdict";

const ATTEMPTS: i32 = 64;
/** Ticks of all workers by which an interval's outcomes are shared after its end. */
const GRACE: u64 = 2;
const MILLISECOND: u64 = 1_000_000;
/** Suspects that are forgotten in one evaluation. */
const MAX_STALE: i32 = 64;
/** The weight of the newest interval in a host's moving average of latency: one in so many. */
const SMOOTHING: u64 = 4;

/** One host in the interval that is evaluated. */
@unmanaged
@final
class Candidate {
  hash: u64;
  total: u32;
  failed: u32;
  /** Microseconds; 0 where no answer was timed. */
  average: u64;
  verdict: i32;
}

/**
 * Compares the hosts of a cluster by the outcomes of the interval that ended last. One worker does it: the first that writes the
 * interval's number into the cluster's record. So no worker has to live on, and none has to know of the others.
 */
@final
export class Evaluation {
  private readonly spread: Spread = new Spread();
  private readonly events: Counter = new Counter("ejection.events");
  private candidates: usize = 0;
  private count: i32 = 0;
  private staleHashes: usize = 0;
  private stale: i32 = 0;

  /** Evaluates an interval of `cluster` where one ended and nobody else did. `pluginName`: for the warning. */
  run(cluster: Cluster, settings: Settings, now: u64, pluginName: string, suspects: Suspects): void {
    const interval = now / settings.interval;
    const grace = min(GRACE * <u64>settings.tick * MILLISECOND, settings.interval / 2);
    if (interval == 0 || now % settings.interval < grace || cluster.evaluated >= interval) return;
    cluster.evaluated = interval;
    const hosts = this.collect(cluster.hash, settings, interval - 1, now);
    const record = changetype<ClusterRecord>(clusterRecords.open(cluster.hash, now));
    const before = record.evaluated;
    if (before >= interval) return;
    record.evaluated = interval;
    record.hosts = hosts;
    if (record.nameLength == 0) record.name = cluster.name.bytes;
    // In its first interval a cluster may not have been seen whole.
    const warns = hosts > 0 && before != 0 && record.warned != settings.version && <i32>hosts * settings.maxEjectionPercent < 100;
    if (warns) record.warned = settings.version;
    if (!clusterRecords.commit()) {
      // Somebody wrote in between: was it the same, the next tick sees it.
      cluster.evaluated = interval - 1;
      return;
    }
    if (warns) warn(pluginName, cluster, settings, hosts);
    this.forget(settings, now, suspects);
    if (settings.comparesHosts) this.compare(settings, now, suspects);
  }

  /** Takes down the hosts of the interval. Returns how many the cluster has. */
  private collect(cluster: u64, settings: Settings, interval: u64, now: u64): u32 {
    let hosts: u32 = 0;
    this.count = 0;
    this.candidates = 0;
    this.stale = 0;
    this.staleHashes = arena.allocate((<usize>MAX_STALE) << 3);
    let capacity = 0;
    for (let slot = 0; slot < allHosts.slots; slot++) {
      allHosts.load(slot);
      for (let at = allHosts.first; at != 0; at = allHosts.next(at)) {
        const record = changetype<HostRecord>(at);
        if (record.cluster != cluster) continue;
        if (!isRecent(record, settings, now)) {
          this.noteStale(record);
          continue;
        }
        hosts++;
        const outcomes = record.version == settings.version ? record.outcomesOf(interval) : null;
        if (!settings.comparesHosts || outcomes == null || outcomes.total == 0) continue;
        if (this.count == capacity) {
          capacity = max(capacity * 2, 64);
          const grown = arena.allocate(<usize>capacity * offsetof<Candidate>());
          memory.copy(grown, this.candidates, <usize>this.count * offsetof<Candidate>());
          this.candidates = grown;
        }
        const candidate = this.candidate(this.count++);
        candidate.hash = record.hash;
        candidate.total = outcomes.total;
        candidate.failed = outcomes.failed;
        const newest = outcomes.timed > 0 ? max<u64>(outcomes.latency / <u64>outcomes.timed, 1) : 0;
        candidate.average = newest == 0 || record.average == 0 ? newest : (record.average * (SMOOTHING - 1) + newest) / SMOOTHING;
        candidate.verdict = NO_VERDICT;
      }
    }
    return hosts;
  }

  /** A few each time are enough. */
  private noteStale(record: HostRecord): void {
    if (this.stale == MAX_STALE || !record.isSuspect) return;
    store<u64>(this.staleHashes + ((<usize>this.stale) << 3), record.hash);
    this.stale++;
  }


  @inline
  private candidate(index: i32): Candidate {
    return changetype<Candidate>(this.candidates + <usize>index * offsetof<Candidate>());
  }

  /** Suspects that have answered nothing for long are none any more: they are gone, and would cost every good answer of the others. */
  private forget(settings: Settings, now: u64, suspects: Suspects): void {
    for (let i = 0; i < this.stale; i++) {
      const hash = load<u64>(this.staleHashes + ((<usize>i) << 3));
      const found = hostRecords.find(hash);
      if (found == 0) continue;
      const record = changetype<HostRecord>(found);
      if (isRecent(record, settings, now) || !record.isSuspect) continue;
      record.verdict = NO_VERDICT;
      record.clearCounters();
      if (hostRecords.commit()) suspects.settle(true, record);
    }
  }

  private compare(settings: Settings, now: u64, suspects: Suspects): void {
    this.compareSuccessRates(settings);
    this.compareFailurePercentages(settings);
    this.compareLatencies(settings);
    let found = false;
    for (let i = 0; i < this.count; i++) found = this.note(this.candidate(i), settings, now, suspects) || found;
    if (found) this.events.increment();
  }

  /** As Envoy's `success_rate`: below the mean by more than so many standard deviations. */
  private compareSuccessRates(settings: Settings): void {
    const quorum = settings.successRate;
    if (quorum == null) return;
    this.spread.clear();
    for (let i = 0; i < this.count; i++) {
      const candidate = this.candidate(i);
      if (candidate.total >= <u32>quorum.requestVolume) this.spread.add(successRate(candidate));
    }
    if (this.spread.size < quorum.minimumHosts) return;
    const least = this.spread.mean - (this.spread.deviation * <f64>settings.successRateStdevFactor) / 1000;
    for (let i = 0; i < this.count; i++) {
      const candidate = this.candidate(i);
      if (candidate.total >= <u32>quorum.requestVolume && successRate(candidate) < least) candidate.verdict = BY_SUCCESS_RATE;
    }
  }

  /** As Envoy's `failure_percentage`: at or above the threshold. */
  private compareFailurePercentages(settings: Settings): void {
    const quorum = settings.failurePercentage;
    if (quorum == null || this.hostsWith(quorum.requestVolume) < quorum.minimumHosts) return;
    for (let i = 0; i < this.count; i++) {
      const candidate = this.candidate(i);
      if (candidate.total < <u32>quorum.requestVolume || candidate.verdict != NO_VERDICT) continue;
      if (<u64>candidate.failed * 100 >= <u64>settings.failurePercentageThreshold * <u64>candidate.total)
        candidate.verdict = BY_FAILURE_PERCENTAGE;
    }
  }

  private hostsWith(requestVolume: i32): i32 {
    let hosts = 0;
    for (let i = 0; i < this.count; i++) {
      if (this.candidate(i).total >= <u32>requestVolume) hosts++;
    }
    return hosts;
  }

  /** A host whose moving average is above so many times the median of the others'. */
  private compareLatencies(settings: Settings): void {
    const quorum = settings.latency;
    if (quorum == null) return;
    const averages = arena.allocate((<usize>this.count) << 3);
    let hosts = 0;
    for (let i = 0; i < this.count; i++) {
      const candidate = this.candidate(i);
      if (candidate.total < <u32>quorum.requestVolume || candidate.average == 0) continue;
      insert(averages, hosts++, candidate.average);
    }
    if (hosts < max(quorum.minimumHosts, 2)) return;
    for (let i = 0; i < this.count; i++) {
      const candidate = this.candidate(i);
      if (candidate.total < <u32>quorum.requestVolume || candidate.average == 0 || candidate.verdict != NO_VERDICT) continue;
      const median = medianWithout(averages, hosts, candidate.average);
      if (candidate.average * 1_000 > median * <u64>settings.latencyFactor) candidate.verdict = BY_LATENCY;
    }
  }

  /** Writes down what was found. Returns whether there is a verdict. */
  private note(candidate: Candidate, settings: Settings, now: u64, suspects: Suspects): bool {
    if (candidate.verdict == NO_VERDICT && settings.latency == null) return false;
    for (let i = 0; i < ATTEMPTS; i++) {
      const record = changetype<HostRecord>(hostRecords.open(candidate.hash, now));
      if (record.version != settings.version) return false;
      const before = suspects.before(record);
      record.average = candidate.average;
      const isNew = candidate.verdict != NO_VERDICT && record.verdict == NO_VERDICT && now >= record.quietUntil;
      if (isNew) record.verdict = candidate.verdict;
      if (!hostRecords.commit()) continue;
      suspects.settle(before, record);
      return isNew;
    }
    return false;
  }
}

/** In per cent. */
function successRate(candidate: Candidate): f64 {
  return (<f64>(candidate.total - candidate.failed) * 100) / <f64>candidate.total;
}

/** Puts `value` into the sorted list of `length` values, which has room for one more. */
function insert(list: usize, length: i32, value: u64): void {
  let at = length;
  for (; at > 0; at--) {
    const before = load<u64>(list + ((<usize>(at - 1)) << 3));
    if (before <= value) break;
    store<u64>(list + ((<usize>at) << 3), before);
  }
  store<u64>(list + ((<usize>at) << 3), value);
}

/** The median of a sorted list of at least two values without one that is `value`; of an even number the lower of the two in the middle. */
function medianWithout(list: usize, length: i32, value: u64): u64 {
  const middle = (length - 2) >> 1;
  // The one that is left out stands at or before the middle: the others move up.
  const at = value <= load<u64>(list + ((<usize>middle) << 3)) ? middle + 1 : middle;
  return load<u64>(list + ((<usize>at) << 3));
}

function warn(pluginName: string, cluster: Cluster, settings: Settings, hosts: u32): void {
  const least = (100 + hosts - 1) / hosts;
  logString(
    LogLevel.Warn,
    `${pluginName}: maxEjectionPercent ${decimal(settings.maxEjectionPercent)} lets none of the ${decimal(hosts)} hosts of cluster ${cluster.name.toString()} be ejected: ${decimal(least)} lets one`,
  );
}

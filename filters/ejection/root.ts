import { BytesTable } from "../lib/table";
import { Bytes, Counter, logEnabled, LogLevel, logString, monotonicTime, Property, Root, Stream, Text } from "../sdk";
import { Cluster } from "./cluster";
import { announce } from "./cluster-record";
import { forgetCluster, rememberCluster } from "./clusters";
import { parseConfiguration } from "./configuration";
import { Evaluation } from "./evaluation";
import { Judge } from "./judge";
import { MAX_CLUSTERS } from "./limits";
import { readMetadata } from "./metadata";
import { Report } from "./report";
import { Settings } from "./settings";
import { EjectionStream } from "./stream";

const clusterName = Property.named("xds.cluster_name");
/** Nanoseconds after which a cluster's metadata is looked at again. */
const METADATA_AGE: u64 = 1_000_000_000;
/** Of a root, in a tick: enough to see thousands of hosts in a minute. */
const LOOKS: i32 = 64;
/** Milliseconds. */
const SLOWEST_TICK: u32 = 1_000;

/** One configuration, and the clusters that it was seen with. */
@final
export class EjectionRoot extends Root {
  readonly judge: Judge = new Judge();
  readonly marks: Counter = new Counter("ejection.marks");
  private readonly evaluation: Evaluation = new Evaluation();
  private report: Report | null = null;
  private settings: Settings | null = null;
  /** The only cluster, where the configuration names it. */
  private onlyCluster: Cluster | null = null;
  private readonly byName: BytesTable<Cluster> = new BytesTable<Cluster>();
  private readonly clusters: Cluster[] = [];
  private tick: u32 = SLOWEST_TICK;
  /** The monotonic time at the last tick: near enough to tell intervals apart, and no hostcall for each answer. */
  now: u64 = 0;
  /**
   * Good answers whose host is still looked at before the next tick, even where nothing depends on it: so that it is known which hosts
   * there are.
   */
  private looks: i32 = LOOKS;
  /** Whether answers are timed. */
  timesAnswers: bool = false;
  /** Whether decisions are logged, as of the last tick. */
  explains: bool = false;
  private warned: bool = false;

  configure(configuration: Bytes): string | null {
    const result = parseConfiguration(configuration);
    if (result.problem != null) return result.problem;
    this.now = monotonicTime();
    this.explains = logEnabled(LogLevel.Debug);
    this.settings = result.settings;
    const name = result.cluster;
    this.onlyCluster = name != null ? this.add(name) : null;
    this.serve(result.settings);
    const reporting = result.report;
    if (reporting != null) {
      this.report = new Report(reporting);
      this.timesAnswers = true;
      this.tick = <u32>min<u64>(<u64>this.tick, reporting.period / 2_000_000);
    }
    this.tickEvery(this.tick);
    return null;
  }

  createStream(): Stream {
    return new EjectionStream();
  }

  /** Shares what this worker counted, and evaluates the intervals that ended. */
  onTick(): void {
    const now = monotonicTime();
    this.now = now;
    this.looks = LOOKS;
    this.explains = logEnabled(LogLevel.Debug);
    this.judge.flushAll(now);
    const pluginName = this.pluginName.toString();
    for (let i = 0; i < this.clusters.length; i++) {
      const cluster = this.clusters[i];
      const settings = cluster.settings;
      if (settings == null) continue;
      if (!cluster.announced) cluster.announced = announce(cluster.hash, cluster.name.bytes, now);
      if (settings.asksQuantile) cluster.latencies.share(cluster.hash, settings, now);
      this.evaluation.run(cluster, settings, now, pluginName, this.judge.suspects);
    }
    const report = this.report;
    if (report != null) report.run(this, now);
  }

  onDelete(): void {
    for (let i = 0; i < this.clusters.length; i++) forgetCluster(this.clusters[i]);
  }

  /** Whether it does not matter whose a good answer is. */
  needsNoHost(settings: Settings): bool {
    if (settings.comparesHosts || this.report != null || this.explains || this.timesAnswers) return false;
    if (this.looks > 0) {
      this.looks--;
      return false;
    }
    return this.judge.suspects.none;
  }

  /** The cluster of the attempt that calls; `null` for one more than can be kept. */
  clusterOfAttempt(now: u64): Cluster | null {
    let cluster = this.onlyCluster;
    if (cluster == null) {
      const name = clusterName.get();
      if (name == null) return null;
      cluster = this.byName.get(name);
      if (cluster == null) {
        if (this.clusters.length >= MAX_CLUSTERS) return null;
        cluster = this.add(Text.from(name));
      }
    }
    if (cluster.lookedAt == 0 || now - cluster.lookedAt >= METADATA_AGE) this.refresh(cluster, now);
    return cluster;
  }

  private add(name: Text): Cluster {
    const cluster = new Cluster(name);
    cluster.settings = this.settings;
    this.byName.set(name, cluster);
    this.clusters.push(cluster);
    rememberCluster(cluster);
    return cluster;
  }

  /** The settings in the cluster's metadata go before those of the filter's configuration. */
  private refresh(cluster: Cluster, now: u64): void {
    cluster.lookedAt = now;
    if (!readMetadata(cluster, this.settings)) return;
    const tick = this.tick;
    this.serve(cluster.settings);
    if (this.tick != tick) this.tickEvery(this.tick);
  }

  /** Ticks as fast, and times answers, where these settings ask for it. */
  private serve(settings: Settings | null): void {
    if (settings == null) return;
    this.tick = min(this.tick, settings.tick);
    this.timesAnswers = this.timesAnswers || settings.timesAnswers;
  }

  warnOnce(message: string): void {
    if (this.warned) return;
    this.warned = true;
    logString(LogLevel.Warn, this.pluginName.toString() + " " + message);
  }
}

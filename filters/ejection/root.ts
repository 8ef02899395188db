import { BytesTable } from "../lib/table";
import { Bytes, Counter, LogLevel, logString, Property, Root, Stream, Text } from "../sdk";
import { Cluster } from "./cluster";
import { parseConfiguration } from "./configuration";
import { Judge } from "./judge";
import { MAX_CLUSTERS } from "./limits";
import { Settings } from "./settings";
import { EjectionStream } from "./stream";

const clusterName = Property.named("xds.cluster_name");

/** One configuration, and the clusters that it was seen with. */
@final
export class EjectionRoot extends Root {
  readonly judge: Judge = new Judge();
  readonly marks: Counter = new Counter("ejection.marks");
  private settings: Settings | null = null;
  /** The only cluster, where the configuration names it. */
  private onlyCluster: Cluster | null = null;
  private clusters: BytesTable<Cluster> = new BytesTable<Cluster>();
  private warned: bool = false;

  configure(configuration: Bytes): string | null {
    const result = parseConfiguration(configuration);
    if (result.problem != null) return result.problem;
    this.settings = result.settings;
    const name = result.cluster;
    this.onlyCluster = name != null ? this.cluster(name) : null;
    return null;
  }

  createStream(): Stream {
    return new EjectionStream();
  }

  /** The cluster of the attempt that calls; `null` where its settings cannot be kept. */
  clusterOfAttempt(): Cluster | null {
    const only = this.onlyCluster;
    if (only != null) return only;
    const name = clusterName.get();
    if (name == null) return null;
    const known = this.clusters.get(name);
    if (known != null || this.clusters.size >= MAX_CLUSTERS) return known;
    return this.cluster(Text.from(name));
  }

  private cluster(name: Text): Cluster {
    const cluster = new Cluster(name);
    cluster.settings = this.settings;
    this.clusters.set(name, cluster);
    return cluster;
  }

  warnOnce(message: string): void {
    if (this.warned) return;
    this.warned = true;
    logString(LogLevel.Warn, this.pluginName.toString() + " " + message);
  }
}

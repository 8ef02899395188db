import type { HealthReport, ReportedHost } from "./report.ts";
import type { Outcomes } from "./tally.ts";

/** What is remembered of a proxy that tells of hosts, for as long as it is connected. */
export class Caller {
  readonly id: string;
  /** That its word counts no more: it left. */
  gone = false;
  /** Totals of its last report, by cluster and address. */
  private readonly totals = new Map<string, Outcomes>();
  /** By the proxy's clock; undefined before the first report. */
  private time: number | undefined;
  private takenAt = -Infinity;

  constructor(id: string) {
    this.id = id;
  }

  /** How many hosts it is remembered for. */
  get size(): number {
    return this.totals.size;
  }

  /**
   * Whether a report is to be read: one that comes twice or late has an older time than the last, and nobody has more to say than once in half an interval. A proxy that was not heard for a window
   * may have another clock now.
   */
  accepts(
    { time }: HealthReport,
    now: number,
    { interval, window }: { readonly interval: number; readonly window: number },
  ): "taken" | "early" | "late" {
    const since = now - this.takenAt;
    if (since < interval / 2) return "early";
    if (this.time !== undefined && time <= this.time && since < window) return "late";
    return "taken";
  }

  /**
   * What is new since the last report with the same host. Of a host that was in none nothing is: its total may be from long ago, before this service began. The same holds where a total has become
   * smaller, as after a restart of Envoy.
   *
   * @param room for how many more hosts there is room to remember
   */
  take({ time, hosts }: Pick<HealthReport, "time" | "hosts">, now: number, room: number): ReadonlyMap<ReportedHost, Outcomes> {
    const news = new Map<ReportedHost, Outcomes>();
    let left = room;
    for (const host of hosts) {
      const { cluster, address, good, failed, ejections } = host;
      const key = `${cluster}\n${address}`;
      const known = this.totals.get(key);
      if (known === undefined && left-- <= 0) continue;
      this.totals.set(key, { good, failed, ejections });
      if (known === undefined || good < known.good || failed < known.failed || ejections < known.ejections) continue;
      const difference = { good: good - known.good, failed: failed - known.failed, ejections: ejections - known.ejections };
      if (difference.good + difference.failed + difference.ejections > 0) news.set(host, difference);
    }
    this.time = time;
    this.takenAt = now;
    return news;
  }

  /** Forgets hosts that the mesh does not know any more. */
  prune(isKnown: (cluster: string, address: string) => boolean): void {
    for (const key of this.totals.keys()) {
      const [cluster = "", address = ""] = key.split("\n", 2);
      if (!isKnown(cluster, address)) this.totals.delete(key);
    }
  }
}

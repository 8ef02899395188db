import { ClusterRecord, clusterRecords } from "./cluster-record";
import { countHosts } from "./population";
import { Settings } from "./settings";

const ATTEMPTS: i32 = 64;

/**
 * Whether one more host of a cluster may be out, and if so notes that it is. Only where health checks eject: with outlier detection Envoy
 * itself keeps to `max_ejection_percent`, and knows better than a filter how many hosts there are. Exact over all workers.
 */
export function takePermit(cluster: u64, settings: Settings, now: u64): bool {
  for (let i = 0; i < ATTEMPTS; i++) {
    const record = changetype<ClusterRecord>(clusterRecords.open(cluster, now));
    if (record.hosts == 0) record.hosts = countHosts(cluster, settings, now);
    const hosts = <i32>record.hosts;
    const out = record.outAt(now) + 1;
    if (out * 100 > settings.maxEjectionPercent * hosts || (hosts - out) * 100 < settings.minHealthPercent * hosts) return false;
    if (!record.takeOut(now, now + settings.baseEjectionTime)) return false;
    if (clusterRecords.commit()) return true;
  }
  return false;
}

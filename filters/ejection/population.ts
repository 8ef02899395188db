import { HostRecord, allHosts } from "./host-record";
import { Settings } from "./settings";

/** A host without answers for so long, nanoseconds, or for two intervals where that is longer, no longer counts as one of the cluster. */
const HORIZON: u64 = 60_000_000_000;

/** How many hosts of a cluster had answers of late. */
export function countHosts(cluster: u64, settings: Settings, now: u64): u32 {
  let hosts: u32 = 0;
  for (let slot = 0; slot < allHosts.slots; slot++) {
    allHosts.load(slot);
    for (let at = allHosts.first; at != 0; at = allHosts.next(at)) {
      const record = changetype<HostRecord>(at);
      if (record.cluster == cluster && isRecent(record, settings, now)) hosts++;
    }
  }
  return hosts;
}

export function isRecent(record: HostRecord, settings: Settings, now: u64): bool {
  return record.lastSeen + max(HORIZON, 2 * settings.interval) > now;
}

import { Gauge } from "../sdk";
import { HostRecord, hostRecords } from "./host-record";

/**
 * Counts, over all workers, the hosts with failures in a row or a verdict. While there is none a good answer changes nothing anywhere, and
 * need not even know whose it is. To be asked before and after each change of a record:
 *
 * ```
 * const before = suspects.before(record);   // behind hostRecords.open
 * ...
 * if (hostRecords.commit()) suspects.settle(before, record);
 * ```
 *
 * A worker that reads the gauge between another's `commit` and `settle` takes its own answer for one before that.
 */
@final
export class Suspects {
  private readonly gauge: Gauge = new Gauge("ejection.suspects");

  get none(): bool {
    return this.gauge.value == 0;
  }

  /** Whether the record is suspect, or the one that made room for it was. */
  before(record: HostRecord): bool {
    const displaced = hostRecords.displaced;
    return record.isSuspect || (displaced != 0 && changetype<HostRecord>(displaced).isSuspect);
  }

  settle(before: bool, record: HostRecord): void {
    const after = record.isSuspect;
    if (before != after) this.gauge.add(after ? 1 : -1);
  }
}

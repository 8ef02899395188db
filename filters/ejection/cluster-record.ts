import { Bytes } from "../sdk";
import { SharedRecord, SharedTable } from "./shared-table";

/** Bytes of a cluster's name that are kept, for reports. */
const MAX_NAME: i32 = 256;
/** Hosts of one cluster that may be out at a time by health checks. */
const PERMITS: i32 = 64;
const SLOTS: i32 = 128;
const WAYS: i32 = 16;

/**
 * What all workers know of one cluster.
 *
 * ```
 *   fields | permits (u64 each: monotonic nanoseconds until which a host is out) | name (256 bytes)
 * ```
 */
@unmanaged
@final
export class ClusterRecord extends SharedRecord {
  /** The last interval that a worker took on to evaluate. */
  evaluated: u64;
  /** The last period that a worker took on to report. */
  reported: u64;
  /** {@link Settings.version} for which the warning about its percentage was given. */
  warned: u32;
  /** Hosts that had answers of late; 0 while nobody counted them. */
  hosts: u32;
  nameLength: i32;
  unused: u32;

  get name(): Bytes {
    return Bytes.view(this.namePointer, this.nameLength);
  }

  set name(value: Bytes) {
    this.nameLength = min(value.length, MAX_NAME);
    memory.copy(this.namePointer, value.pointer, <usize>this.nameLength);
  }

  private get namePointer(): usize {
    return this.permitPointer(PERMITS);
  }

  private permitPointer(index: i32): usize {
    return changetype<usize>(this) + offsetof<ClusterRecord>() + ((<usize>index) << 3);
  }

  /** How many hosts are out now. */
  outAt(now: u64): i32 {
    let out = 0;
    for (let i = 0; i < PERMITS; i++) {
      if (load<u64>(this.permitPointer(i)) > now) out++;
    }
    return out;
  }

  /** Notes that one more host is out until then. `false`: as many are as can be noted. */
  takeOut(now: u64, until: u64): bool {
    for (let i = 0; i < PERMITS; i++) {
      const permit = this.permitPointer(i);
      if (load<u64>(permit) > now) continue;
      store<u64>(permit, until);
      return true;
    }
    return false;
  }
}

/** Has reports know a cluster by name. `false`: another worker wrote at the same time. */
export function announce(hash: u64, name: Bytes, now: u64): bool {
  const record = changetype<ClusterRecord>(clusterRecords.open(hash, now));
  if (record.nameLength > 0) return true;
  record.name = name;
  return clusterRecords.commit();
}

/** The records of all clusters of this `vm_id`. */
export const clusterRecords = new SharedTable(
  "meshwright.ejection.cluster.",
  SLOTS,
  WAYS,
  <i32>offsetof<ClusterRecord>() + (PERMITS << 3) + MAX_NAME,
);

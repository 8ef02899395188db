import { Bytes } from "../sdk";
import { MAX_ADDRESS, Outcomes } from "./host-record";

const SETS: i32 = 128;
const WAYS: usize = 16;

/**
 * What one worker knows of a host: outcomes that it has not shared yet, and what it saw in the shared record. While nothing new happened anywhere
 * a good answer is counted here alone.
 *
 * ```
 *   fields | Outcomes | address (64 bytes)
 * ```
 */
@unmanaged
@final
export class HostEntry {
  /** Of cluster and address; 0 in none. */
  hash: u64;
  /** Counts accesses of the table. */
  lastUsed: u64;
  cluster: u64;
  /** {@link Settings.version} of what is here. */
  version: u32;
  /** Whether the shared record had neither counters nor a verdict when it was looked at. */
  clean: bool;
  /** The number of events that had happened then. */
  seenEvents: u64;
  /** The interval that the outcomes are about. */
  interval: u64;
  addressLength: i32;

  get outcomes(): Outcomes {
    return changetype<Outcomes>(changetype<usize>(this) + offsetof<HostEntry>());
  }

  get address(): Bytes {
    return Bytes.view(this.addressPointer, this.addressLength);
  }

  private get addressPointer(): usize {
    return changetype<usize>(this) + offsetof<HostEntry>() + offsetof<Outcomes>();
  }

  begin(hash: u64, cluster: u64, address: Bytes): void {
    memory.fill(changetype<usize>(this), 0, ENTRY_SIZE);
    this.hash = hash;
    this.cluster = cluster;
    this.addressLength = min(address.length, MAX_ADDRESS);
    memory.copy(this.addressPointer, address.pointer, <usize>this.addressLength);
  }
}

const ENTRY_SIZE: usize = offsetof<HostEntry>() + offsetof<Outcomes>() + <usize>MAX_ADDRESS;

/**
 * A worker's entries: {@link SETS} sets of {@link WAYS}, each made when its first host comes. In a full set the one unused for longest
 * makes room.
 */
@final
export class Hosts {
  private readonly sets: StaticArray<usize> = new StaticArray<usize>(SETS);
  private uses: u64 = 0;

  /** The entry of a host, which is made where there is none. It stays where it is until the set is full. */
  open(hash: u64, cluster: u64, address: Bytes): HostEntry {
    const set = this.setOf(hash);
    let oldest = set;
    for (let i: usize = 0; i < WAYS; i++) {
      const at = set + i * ENTRY_SIZE;
      const entry = changetype<HostEntry>(at);
      if (entry.hash == hash) {
        entry.lastUsed = ++this.uses;
        return entry;
      }
      if (entry.lastUsed < changetype<HostEntry>(oldest).lastUsed) oldest = at;
    }
    const entry = changetype<HostEntry>(oldest);
    entry.begin(hash, cluster, address);
    entry.lastUsed = ++this.uses;
    return entry;
  }

  /** How many places there are; {@link at} gives what stands in one. */
  get places(): i32 {
    return SETS * <i32>WAYS;
  }

  /** `null` for a place that is free. */
  at(place: i32): HostEntry | null {
    const set = unchecked(this.sets[place / <i32>WAYS]);
    if (set == 0) return null;
    const entry = changetype<HostEntry>(set + (<usize>place % WAYS) * ENTRY_SIZE);
    return entry.hash != 0 ? entry : null;
  }

  private setOf(hash: u64): usize {
    const index = <i32>(hash % SETS);
    let set = unchecked(this.sets[index]);
    if (set == 0) {
      set = heap.alloc(WAYS * ENTRY_SIZE);
      memory.fill(set, 0, WAYS * ENTRY_SIZE);
      unchecked((this.sets[index] = set));
    }
    return set;
  }
}

/** All roots of a VM share them, so that a host's outcomes outlive a change of the configuration. */
export const hosts = new Hosts();

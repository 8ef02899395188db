import { arena, Bytes, getSharedData, setSharedData, SharedValue, Status } from "../sdk";

/** A version that no value ever has: Envoy creates a missing key under it, and refuses where another worker created it first. */
const NEVER: u32 = u32.MAX_VALUE;

/** What every record of a {@link SharedTable} begins with. */
@unmanaged
export class SharedRecord {
  /** 0 in none. */
  hash: u64;
  /** Monotonic time of the last write: where a slot is full, the record that nobody wrote for longest makes room. */
  lastSeen: u64;
}

/**
 * Records that all workers share, in shared data, which can be neither listed nor deleted from: so a fixed number of keys, each with the
 * records of the hashes that fall to it, is all that there ever is.
 *
 * ```
 *   key     prefix | slot (2 bytes)              slot = hash mod slots
 *   value   record | record | ...                at most `ways`, each `size` bytes
 * ```
 *
 * `open`, change what it gave, `commit`; where that is `false` another worker wrote in between: from the start.
 */
@final
export class SharedTable {
  private readonly key: StaticArray<u8>;
  /** A copy of the record that had to make room for the one that was opened last; 0 for none. */
  displaced: usize = 0;
  private value: usize = 0;
  private length: i32 = 0;
  private cas: u32 = NEVER;

  constructor(
    prefix: string,
    readonly slots: i32,
    private readonly ways: i32,
    readonly size: i32,
  ) {
    const key = new StaticArray<u8>(prefix.length + 2);
    for (let i = 0; i < prefix.length; i++) key[i] = <u8>prefix.charCodeAt(i);
    this.key = key;
  }

  /** The record of `hash`, which is made where there is none: zeros but for its hash. It lives in the arena. */
  open(hash: u64, now: u64): usize {
    this.displaced = 0;
    this.load(<i32>(hash % <u64>this.slots));
    const size = <usize>this.size;
    let oldest = this.value;
    for (let at = this.value; at < this.value + <usize>this.length; at += size) {
      const record = changetype<SharedRecord>(at);
      if (record.hash == hash) {
        record.lastSeen = now;
        return at;
      }
      if (record.lastSeen < changetype<SharedRecord>(oldest).lastSeen) oldest = at;
    }
    if (this.length == this.ways * this.size) {
      this.displaced = arena.allocate(size);
      memory.copy(this.displaced, oldest, size);
      return begin(oldest, size, hash, now);
    }
    const grown = arena.allocate(<usize>this.length + size);
    memory.copy(grown, this.value, <usize>this.length);
    const added = grown + <usize>this.length;
    this.value = grown;
    this.length += this.size;
    return begin(added, size, hash, now);
  }

  /** The record of `hash` as it is now, to look at; 0 where there is none. */
  find(hash: u64): usize {
    this.load(<i32>(hash % <u64>this.slots));
    for (let at = this.value; at < this.value + <usize>this.length; at += <usize>this.size) {
      if (changetype<SharedRecord>(at).hash == hash) return at;
    }
    return 0;
  }

  /** Writes the slot that was opened last. `false`: somebody else did since. */
  commit(): bool {
    return setSharedData(this.keyBytes(), Bytes.view(this.value, this.length), this.cas) != Status.CasMismatch;
  }

  /** Reads a slot, for a walk over all records: {@link first} and {@link next}. */
  load(slot: i32): void {
    unchecked((this.key[this.key.length - 2] = <u8>slot));
    unchecked((this.key[this.key.length - 1] = <u8>(slot >> 8)));
    const found = getSharedData(this.keyBytes());
    this.length = found != null ? this.lengthOf(found) : 0;
    this.value = found != null ? found.bytes.pointer : 0;
    this.cas = found != null ? found.cas : NEVER;
  }

  /** The first record of the slot that was loaded; 0 where there is none. */
  get first(): usize {
    return this.length > 0 ? this.value : 0;
  }

  /** The record behind `record`; 0 after the last. */
  next(record: usize): usize {
    const at = record + <usize>this.size;
    return at < this.value + <usize>this.length ? at : 0;
  }

  /** What another version of this module left, with records of another size, counts as nothing. */
  private lengthOf(value: SharedValue): i32 {
    const length = value.bytes.length;
    return length % this.size == 0 && length <= this.ways * this.size ? length : 0;
  }


  @inline
  private keyBytes(): Bytes {
    return Bytes.view(changetype<usize>(this.key), this.key.length);
  }
}

function begin(record: usize, size: usize, hash: u64, now: u64): usize {
  memory.fill(record, 0, size);
  changetype<SharedRecord>(record).hash = hash;
  changetype<SharedRecord>(record).lastSeen = now;
  return record;
}

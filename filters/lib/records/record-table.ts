import { Bytes, sameBytes } from "../bytes";
import { xxHash64 } from "../hash";

const INITIAL_CAPACITY: u32 = 64;
/** Of the hash that {@link find} looks for. */
const HEADER: usize = 8;

/**
 * Records of one size by keys of bytes, outside the managed heap: for what requests bring, where a managed object each would be garbage. Open
 * addressing, at most half full. Keys are compared in full; `seed` must be one that clients cannot guess.
 *
 * ```
 *   slot   u32 upper half of the hash | u32 address of the entry, 0 where free
 *   entry  u32 lower half of the hash | i32 key length | record, `size` bytes | key
 *                                                      ^ what find and add return
 * ```
 *
 * Memory: for each record 8 + `size` + the key's length and what the allocator adds, and 16 to 32 bytes of slots. It is freed by {@link clear} only:
 * the garbage collector does not see it.
 */
@final
export class RecordTable {
  private slots: usize = 0;
  private capacity: u32 = 0;
  private count: i32 = 0;

  /** `limit`: how many records at most; `size`: bytes of each. */
  constructor(
    private readonly limit: i32,
    private readonly size: i32,
    private readonly seed: u64,
  ) {}

  get length(): i32 {
    return this.count;
  }

  get full(): bool {
    return this.count >= this.limit;
  }

  /** The address of the record of `key`, or 0. */
  find(key: Bytes): usize {
    if (this.count == 0) return 0;
    const hash = xxHash64(key, this.seed);
    const mask = this.capacity - 1;
    const upper = <u32>(hash >> 32);
    let slot = (<u32>hash) & mask;
    while (true) {
      const at = this.slots + ((<usize>slot) << 3);
      const entry = load<usize>(at, 4);
      if (entry == 0) return 0;
      if (load<u32>(at) == upper && load<u32>(entry) == <u32>hash && load<i32>(entry, 4) == key.length) {
        if (sameBytes(entry + HEADER + <usize>this.size, key.pointer, <usize>key.length)) return entry + HEADER;
      }
      slot = (slot + 1) & mask;
    }
  }

  /** Makes a record of zeros for a key that has none, and returns its address; 0 where the table is full. */
  add(key: Bytes): usize {
    if (this.full) return 0;
    if (<u32>(this.count + 1) * 2 > this.capacity) this.grow();
    const hash = xxHash64(key, this.seed);
    const entry = heap.alloc(HEADER + <usize>(this.size + key.length));
    store<u32>(entry, <u32>hash);
    store<i32>(entry, key.length, 4);
    memory.fill(entry + HEADER, 0, <usize>this.size);
    memory.copy(entry + HEADER + <usize>this.size, key.pointer, <usize>key.length);
    this.place(<u32>(hash >> 32), <u32>hash, entry);
    this.count++;
    return entry + HEADER;
  }

  /** Frees everything. The table can be filled again. */
  clear(): void {
    if (this.slots == 0) return;
    for (let slot: u32 = 0; slot < this.capacity; slot++) {
      const entry = load<usize>(this.slots + ((<usize>slot) << 3), 4);
      if (entry != 0) heap.free(entry);
    }
    heap.free(this.slots);
    this.slots = 0;
    this.capacity = 0;
    this.count = 0;
  }

  private place(upper: u32, lower: u32, entry: usize): void {
    const mask = this.capacity - 1;
    let slot = lower & mask;
    while (load<usize>(this.slots + ((<usize>slot) << 3), 4) != 0) slot = (slot + 1) & mask;
    const at = this.slots + ((<usize>slot) << 3);
    store<u32>(at, upper);
    store<usize>(at, entry, 4);
  }

  private grow(): void {
    const old = this.slots;
    const capacity = this.capacity;
    this.capacity = capacity == 0 ? INITIAL_CAPACITY : capacity * 2;
    const bytes = (<usize>this.capacity) << 3;
    this.slots = heap.alloc(bytes);
    memory.fill(this.slots, 0, bytes);
    if (old == 0) return;
    for (let slot: u32 = 0; slot < capacity; slot++) {
      const at = old + ((<usize>slot) << 3);
      const entry = load<usize>(at, 4);
      if (entry != 0) this.place(load<u32>(at), load<u32>(entry), entry);
    }
    heap.free(old);
  }
}

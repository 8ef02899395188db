import { arena, Bytes, Text } from "../bytes";
import { BytesTable, hashByte, hashStart } from "./table";

/** Values by prefix. One walk over the input meets every prefix of it that is in the table, shortest first, whatever their number. */
@final
export class PrefixTable<V> {
  private readonly table: BytesTable<V> = new BytesTable<V>();
  /** Which lengths occur: `lengths[n]` is 1 where a prefix of n bytes is there. */
  private lengths: StaticArray<u8> = new StaticArray<u8>(1);

  get size(): i32 {
    return this.table.size;
  }

  get(prefix: Bytes): V | null {
    return this.table.get(prefix);
  }

  set(prefix: Text, value: V): void {
    const length = prefix.bytes.length;
    if (length >= this.lengths.length) {
      const lengths = new StaticArray<u8>(length + 1);
      memory.copy(changetype<usize>(lengths), changetype<usize>(this.lengths), <usize>this.lengths.length);
      this.lengths = lengths;
    }
    this.lengths[length] = 1;
    this.table.set(prefix, value);
  }

  /** Begins a walk over the prefixes of `input`. */
  @inline
  walk(): PrefixWalk {
    return PrefixWalk.create();
  }

  /** The value of the next longer prefix of `input`, or `null` when there is none left. */
  next(walk: PrefixWalk, input: Bytes): V | null {
    const last = min(input.length, this.lengths.length - 1);
    while (walk.length <= last) {
      const length = walk.length++;
      const hash = walk.hash;
      if (length < input.length) walk.hash = hashByte(hash, input[length]);
      if (unchecked(this.lengths[length]) == 0) continue;
      const value = this.table.find(hash, input.pointer, length);
      if (value != null) return value;
    }
    return null;
  }
}

/** Where a walk stands: the next length to look at, and the hash of that many bytes. Lives in the arena. */
@unmanaged
@final
export class PrefixWalk {
  length: i32;
  hash: u64;

  static create(): PrefixWalk {
    const walk = changetype<PrefixWalk>(arena.allocate(offsetof<PrefixWalk>()));
    walk.length = 0;
    walk.hash = hashStart();
    return walk;
  }
}

import { arena, Bytes } from "../../lib/bytes";

const INITIAL_CAPACITY: usize = 512;

/**
 * Header pairs to hand to the host: for a local response, a callout, a whole new map. Built in the arena, so it ends with the callback.
 *
 * ```
 * u32 count | (u32 name length, u32 value length) * count | (name NUL value NUL) * count
 * ```
 *
 * The lengths stand before the data and their number is not known ahead, so pairs are collected first and laid out by {@link pointer}.
 */
@unmanaged
@final
export class HeaderPairs {
  /** (name pointer, name length, value pointer, value length) * count. */
  private entries: usize;
  private capacity: usize;
  private count: u32;
  private dataSize: usize;
  private laidOut: usize;

  static create(): HeaderPairs {
    const pairs = changetype<HeaderPairs>(arena.allocate(offsetof<HeaderPairs>()));
    pairs.entries = arena.allocate(INITIAL_CAPACITY);
    pairs.capacity = INITIAL_CAPACITY;
    pairs.count = 0;
    pairs.dataSize = 0;
    pairs.laidOut = 0;
    return pairs;
  }

  /** Adds a pair; both must live until the pairs are handed over. A value with NUL, CR or LF is left out and `false` returned. */
  add(name: Bytes, value: Bytes): bool {
    if (!isHeaderValue(value)) return false;
    const offset = (<usize>this.count) << 4;
    if (offset == this.capacity) this.grow();
    const entry = this.entries + offset;
    store<usize>(entry, name.pointer);
    store<i32>(entry, name.length, 4);
    store<usize>(entry, value.pointer, 8);
    store<i32>(entry, value.length, 12);
    this.count++;
    this.dataSize += <usize>name.length + <usize>value.length + 2;
    this.laidOut = 0;
    return true;
  }

  get size(): usize {
    return 4 + ((<usize>this.count) << 3) + this.dataSize;
  }

  /** The pairs as the host reads them, {@link size} bytes. */
  get pointer(): usize {
    if (this.laidOut != 0) return this.laidOut;
    const block = arena.allocate(this.size);
    store<u32>(block, this.count);
    let lengths = block + 4;
    let data = lengths + ((<usize>this.count) << 3);
    for (let i: u32 = 0; i < this.count; i++) {
      const entry = this.entries + ((<usize>i) << 4);
      const nameLength = load<u32>(entry, 4);
      const valueLength = load<u32>(entry, 12);
      store<u32>(lengths, nameLength);
      store<u32>(lengths, valueLength, 4);
      lengths += 8;
      memory.copy(data, load<usize>(entry), <usize>nameLength);
      data += <usize>nameLength;
      store<u8>(data++, 0);
      memory.copy(data, load<usize>(entry, 8), <usize>valueLength);
      data += <usize>valueLength;
      store<u8>(data++, 0);
    }
    this.laidOut = block;
    return block;
  }

  private grow(): void {
    const entries = arena.allocate(this.capacity * 2);
    memory.copy(entries, this.entries, this.capacity);
    this.entries = entries;
    this.capacity *= 2;
  }
}

/** Whether `value` may stand in a header: no NUL, CR or LF (RFC 9110, section 5.5). Envoy does not check what a filter writes (CVE-2023-27493). */
export function isHeaderValue(value: Bytes): bool {
  let pointer = value.pointer;
  const end = pointer + <usize>value.length;
  while (pointer < end) {
    const byte = load<u8>(pointer++);
    if (byte <= 0x0d && (byte == 0 || byte == 0x0a || byte == 0x0d)) return false;
  }
  return true;
}

import { Bytes, sameBytes, Text } from "../bytes";

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/**
 * FNV-1a, 64 bits, one byte at a time, so that one walk over a path gives the hash of each of its prefixes. Good enough because the keys of a
 * table come from a configuration and not from clients: what a client sends is only looked up, and compared in full.
 */
// @ts-ignore: decorator
@inline
export function hashByte(hash: u64, byte: u8): u64 {
  return (hash ^ (<u64>byte)) * PRIME;
}

// @ts-ignore: decorator
@inline
export function hashStart(): u64 {
  return OFFSET_BASIS;
}

export function hashBytes(bytes: Bytes): u64 {
  let hash = OFFSET_BASIS;
  const end = bytes.pointer + <usize>bytes.length;
  for (let pointer = bytes.pointer; pointer < end; pointer++) hash = hashByte(hash, load<u8>(pointer));
  return hash;
}

/** Values by byte keys. Built with a configuration; a look-up allocates nothing and compares one key, mostly. */
@final
export class BytesTable<V> {
  private hashes: StaticArray<u64> = new StaticArray<u64>(16);
  private keys: StaticArray<Text | null> = new StaticArray<Text | null>(16);
  private values: StaticArray<V | null> = new StaticArray<V | null>(16);
  private count: i32 = 0;

  get size(): i32 {
    return this.count;
  }


  @inline
  get(key: Bytes): V | null {
    return this.find(hashBytes(key), key.pointer, key.length);
  }

  /** The value of the key of `length` bytes at `pointer` whose hash is known. */
  find(hash: u64, pointer: usize, length: i32): V | null {
    const mask = <u32>this.keys.length - 1;
    let slot = slotOf(hash, mask);
    while (true) {
      const key = unchecked(this.keys[slot]);
      if (key == null) return null;
      if (unchecked(this.hashes[slot]) == hash) {
        const bytes = key.bytes;
        if (bytes.length == length && sameBytes(bytes.pointer, pointer, <usize>length)) return unchecked(this.values[slot]);
      }
      slot = (slot + 1) & mask;
    }
  }

  set(key: Text, value: V): void {
    if (this.count * 2 >= this.keys.length) this.grow();
    this.place(hashBytes(key.bytes), key, value);
  }

  private place(hash: u64, key: Text, value: V): void {
    const mask = <u32>this.keys.length - 1;
    let slot = slotOf(hash, mask);
    for (let held = this.keys[slot]; held != null; held = this.keys[slot]) {
      if (this.hashes[slot] == hash && held.bytes.equals(key.bytes)) {
        this.values[slot] = value;
        return;
      }
      slot = (slot + 1) & mask;
    }
    this.hashes[slot] = hash;
    this.keys[slot] = key;
    this.values[slot] = value;
    this.count++;
  }

  private grow(): void {
    const hashes = this.hashes;
    const keys = this.keys;
    const values = this.values;
    const capacity = keys.length * 2;
    this.hashes = new StaticArray<u64>(capacity);
    this.keys = new StaticArray<Text | null>(capacity);
    this.values = new StaticArray<V | null>(capacity);
    this.count = 0;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (key != null) this.place(hashes[i], key, values[i] as V);
    }
  }
}

// The low bits of FNV-1a alone are weak for short keys.
// @ts-ignore: decorator
@inline
function slotOf(hash: u64, mask: u32): u32 {
  return ((<u32>(hash >> 32)) ^ (<u32>hash)) & mask;
}

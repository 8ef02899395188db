import { allocate } from "./arena";

/** 1 in each of eight bytes. */
export const EACH: u64 = 0x0101_0101_0101_0101;

/**
 * A view of bytes that somebody else owns: a header in the block that the host wrote, a part of a configuration, a {@link Text}.
 * The view itself is eight bytes of arena, so making one costs no managed allocation. A view of arena memory ends with the callback;
 * what must outlive it is copied with {@link Text.from}. A missing value is `null`, an empty one has length 0.
 */
@unmanaged
@final
export class Bytes {
  pointer: usize;
  length: i32;

  /** A view of `length` bytes at `pointer`. Both must describe live memory. */
  static view(pointer: usize, length: i32): Bytes {
    const bytes = changetype<Bytes>(allocate(offsetof<Bytes>()));
    bytes.pointer = pointer;
    bytes.length = length;
    return bytes;
  }


  @inline
  static empty(): Bytes {
    return Bytes.view(0, 0);
  }

  /** The UTF-8 encoding of `value`, for the life of the module: a constant of which only the bytes are needed. The garbage collector does not see it. */
  static of(value: string): Bytes {
    const length = String.UTF8.byteLength(value);
    const bytes = changetype<Bytes>(heap.alloc(offsetof<Bytes>() + <usize>length));
    bytes.pointer = changetype<usize>(bytes) + offsetof<Bytes>();
    bytes.length = length;
    String.UTF8.encodeUnsafe(changetype<usize>(value), value.length, bytes.pointer);
    return bytes;
  }

  /** The byte at `index`, which must be less than `length`. */
  @inline
  @operator("[]")
  at(index: i32): u8 {
    return load<u8>(this.pointer + <usize>index);
  }

  /** The part from `start` up to, not including, `end`; both are clamped to this view. */
  slice(start: i32, end: i32 = i32.MAX_VALUE): Bytes {
    const from = min(max(start, 0), this.length);
    const to = min(max(end, from), this.length);
    return Bytes.view(this.pointer + <usize>from, to - from);
  }

  equals(other: Bytes): bool {
    return this.length == other.length && sameBytes(this.pointer, other.pointer, <usize>this.length);
  }

  /** Equality with ASCII letters folded, as header names, hosts and schemes are compared. */
  equalsIgnoreCase(other: Bytes): bool {
    return this.length == other.length && equalIgnoreCase(this.pointer, other.pointer, this.length);
  }

  startsWith(prefix: Bytes): bool {
    return this.length >= prefix.length && sameBytes(this.pointer, prefix.pointer, <usize>prefix.length);
  }

  startsWithIgnoreCase(prefix: Bytes): bool {
    return this.length >= prefix.length && equalIgnoreCase(this.pointer, prefix.pointer, prefix.length);
  }


  @inline
  endsWith(suffix: Bytes): bool {
    const start = this.length - suffix.length;
    return start >= 0 && sameBytes(this.pointer + <usize>start, suffix.pointer, <usize>suffix.length);
  }

  /** The index of the first `byte` at or after `from`, or -1. */
  indexOf(byte: u8, from: i32 = 0): i32 {
    const length = this.length;
    const pattern = EACH * <u64>byte;
    let i = from;
    if (ASC_FEATURE_SIMD) {
      for (; i <= length - 16; i += 16) {
        const same = i8x16.bitmask(i8x16.eq(v128.load(this.pointer + <usize>i), i8x16.splat(byte)));
        if (same != 0) return i + ctz(same);
      }
    }
    for (; i <= length - 8; i += 8) {
      // The lowest byte that is zero is the lowest from which taking one sets its highest bit.
      const other = load<u64>(this.pointer + <usize>i) ^ pattern;
      const zero = (other - EACH) & ~other & (EACH << 7);
      if (zero != 0) return i + <i32>(ctz(zero) >> 3);
    }
    for (; i < length; i++) {
      if (load<u8>(this.pointer + <usize>i) == byte) return i;
    }
    return -1;
  }

  lastIndexOf(byte: u8): i32 {
    for (let i = this.length - 1; i >= 0; i--) {
      if (load<u8>(this.pointer + <usize>i) == byte) return i;
    }
    return -1;
  }

  /** The index at which `other` first occurs at or after `from`, or -1. Quadratic at worst: bound `other` where a client chooses both. */
  indexOfBytes(other: Bytes, from: i32 = 0): i32 {
    if (other.length == 0) return from <= this.length ? from : -1;
    const last = this.length - other.length;
    for (let i = this.indexOf(other[0], from); i >= 0 && i <= last; i = this.indexOf(other[0], i + 1)) {
      if (sameBytes(this.pointer + <usize>i, other.pointer, <usize>other.length)) return i;
    }
    return -1;
  }


  @inline
  contains(other: Bytes): bool {
    return this.indexOfBytes(other) >= 0;
  }

  /** Without spaces and tabs at both ends (OWS of RFC 9110, section 5.6.3). */
  trim(): Bytes {
    let start = 0;
    let end = this.length;
    while (start < end && isSpace(this[start])) start++;
    while (end > start && isSpace(this[end - 1])) end--;
    return this.slice(start, end);
  }

  /** A managed string: for configuration and tests, never for a request. Invalid UTF-8 becomes U+FFFD. */
  toString(): string {
    return String.UTF8.decodeUnsafe(this.pointer, <usize>this.length);
  }
}

/**
 * Bytes that own their memory and live as long as something refers to them. Its first two fields are laid out as those of
 * {@link Bytes}, so {@link Text.bytes} is a view that costs nothing. Made at configuration time, or once per module for a name.
 */
@final
export class Text {
  private pointer: usize;
  private length: i32;

  private constructor(private readonly data: StaticArray<u8>) {
    this.pointer = changetype<usize>(data);
    this.length = data.length;
  }

  /** A copy of `bytes`. */
  static from(bytes: Bytes): Text {
    const data = new StaticArray<u8>(bytes.length);
    memory.copy(changetype<usize>(data), bytes.pointer, <usize>bytes.length);
    return new Text(data);
  }

  /** A copy with ASCII capitals made small. */
  static lowerCase(bytes: Bytes): Text {
    const text = Text.from(bytes);
    for (let i = 0; i < text.data.length; i++) text.data[i] = toLower(text.data[i]);
    return text;
  }

  /** The UTF-8 encoding of `value`. */
  static of(value: string): Text {
    const size = String.UTF8.byteLength(value);
    const data = new StaticArray<u8>(size);
    String.UTF8.encodeUnsafe(changetype<usize>(value), value.length, changetype<usize>(data));
    return new Text(data);
  }

  /** The parts of `parts`, between separators. In a module's size each costs a third of a constant of its own, which is a global and a string. */
  static list(parts: string, separator: u8 = 0x20): StaticArray<Text> {
    return Text.split(Text.of(parts).bytes, separator);
  }

  /** Copies of what stands between separators. */
  static split(whole: Bytes, separator: u8): StaticArray<Text> {
    let count = 1;
    for (let i = 0; i < whole.length; i++) {
      if (whole[i] == separator) count++;
    }
    const list = new StaticArray<Text>(count);
    let start = 0;
    for (let i = 0; i < count; i++) {
      let end = whole.indexOf(separator, start);
      if (end < 0) end = whole.length;
      list[i] = Text.from(whole.slice(start, end));
      start = end + 1;
    }
    return list;
  }

  /** A view of this text, valid while this text is referred to. */
  @inline
  get bytes(): Bytes {
    return changetype<Bytes>(changetype<usize>(this));
  }

  toString(): string {
    return this.bytes.toString();
  }
}

// @ts-ignore: decorator
@inline
function isSpace(byte: u8): bool {
  return byte == 0x20 || byte == 0x09;
}

/** `byte` with an ASCII capital made small; every other byte, 0x80 to 0xff too, as it is. */
// @ts-ignore: decorator
@inline
export function toLower(byte: u8): u8 {
  return byte - 0x41 < 26 ? byte | 0x20 : byte;
}

/**
 * Whether `size` bytes are the same, eight at a time, the last ones once more: `memory.compare` goes byte by byte where the two are not aligned alike,
 * and what comes from the host mostly is not.
 */
export function sameBytes(left: usize, right: usize, size: usize): bool {
  if (size >= 8) {
    const last = size - 8;
    for (let i: usize = 0; i < last; i += 8) {
      if (load<u64>(left + i) != load<u64>(right + i)) return false;
    }
    return load<u64>(left + last) == load<u64>(right + last);
  }
  if (size >= 4) {
    return load<u32>(left) == load<u32>(right) && load<u32>(left + size - 4) == load<u32>(right + size - 4);
  }
  for (let i: usize = 0; i < size; i++) {
    if (load<u8>(left + i) != load<u8>(right + i)) return false;
  }
  return true;
}

/** Copies what is mostly short: V8 leaves WebAssembly for each `memory.copy`. The two must not overlap. */
export function copyBytes(to: usize, from: usize, size: usize): void {
  if (size > LONGEST_SHORT) {
    memory.copy(to, from, size);
  } else if (size >= 8) {
    const last = size - 8;
    for (let i: usize = 0; i < last; i += 8) store<u64>(to + i, load<u64>(from + i));
    store<u64>(to + last, load<u64>(from + last));
  } else if (size >= 4) {
    store<u32>(to, load<u32>(from));
    store<u32>(to + size - 4, load<u32>(from + size - 4));
  } else {
    for (let i: usize = 0; i < size; i++) store<u8>(to + i, load<u8>(from + i));
  }
}

const LONGEST_SHORT: usize = 64;

function equalIgnoreCase(left: usize, right: usize, length: i32): bool {
  for (let i: usize = 0; i < <usize>length; i++) {
    if (toLower(load<u8>(left + i)) != toLower(load<u8>(right + i))) return false;
  }
  return true;
}

import { arena, Bytes, EACH, sameBytes } from "../bytes";
import { characterLength } from "../utf8";
import { JsonKind, JsonValue } from "./value";

export const enum JsonError {
  None = 0,
  TooLarge = 1,
  TooDeep = 2,
  UnexpectedEnd = 3,
  UnexpectedByte = 4,
  BadNumber = 5,
  BadString = 6,
  BadEscape = 7,
  BadUtf8 = 8,
  DuplicateKey = 9,
  TrailingData = 10,
}

const DEFAULT_MAX_SIZE: i32 = 1 << 20;
const DEFAULT_MAX_DEPTH: i32 = 64;
/** Above this many members, duplicates are looked for by hash. */
const LINEAR_DUPLICATES: i32 = 16;

/** A document and where it went wrong. Lives in the arena, with all its values. */
@unmanaged
@final
export class JsonDocument {
  /** `null` where {@link error} is set. */
  root: JsonValue | null;
  error: JsonError;
  /** Offset of the error. */
  offset: i32;

  /**
   * Reads a document of RFC 8259. Strict: no BOM, no comments, no trailing commas, UTF-8 without surrogates or overlong forms, no escaped lone
   * surrogates, no duplicate members. Time is linear in the input, memory about 56 bytes a value.
   */
  static parse(source: Bytes, maxSize: i32 = DEFAULT_MAX_SIZE, maxDepth: i32 = DEFAULT_MAX_DEPTH): JsonDocument {
    const document = changetype<JsonDocument>(arena.allocate(offsetof<JsonDocument>()));
    const parser = changetype<JsonParser>(arena.allocate(offsetof<JsonParser>()));
    parser.base = source.pointer;
    parser.at = source.pointer;
    parser.end = source.pointer + <usize>source.length;
    parser.depthLeft = maxDepth;
    parser.error = JsonError.None;
    parser.errorAt = source.pointer;
    let root: JsonValue | null = null;
    if (source.length > maxSize) {
      parser.error = JsonError.TooLarge;
    } else {
      root = parser.document();
    }
    document.error = parser.error;
    document.offset = <i32>(parser.errorAt - source.pointer);
    document.root = parser.error == JsonError.None ? root : null;
    return document;
  }
}


@unmanaged
@final
class JsonParser {
  base: usize;
  at: usize;
  end: usize;
  depthLeft: i32;
  error: JsonError;
  errorAt: usize;
  // The result of `string`.
  textPointer: usize;
  textLength: i32;

  document(): JsonValue | null {
    this.space();
    const root = this.value();
    if (root == null) return null;
    this.space();
    if (this.at != this.end) return this.fail(JsonError.TrailingData);
    return root;
  }

  private fail(error: JsonError): JsonValue | null {
    if (this.error == JsonError.None) {
      this.error = this.at >= this.end && error == JsonError.UnexpectedByte ? JsonError.UnexpectedEnd : error;
      this.errorAt = min(this.at, this.end);
    }
    return null;
  }

  /** Steps over white space, of which there is mostly none: then nothing is called. */
  @inline
  private space(): void {
    if (this.at < this.end && load<u8>(this.at) <= 0x20) this.spaces();
  }

  private spaces(): void {
    while (this.at < this.end) {
      const byte = load<u8>(this.at);
      if (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) return;
      this.at++;
    }
  }

  private value(): JsonValue | null {
    if (this.at >= this.end) return this.fail(JsonError.UnexpectedEnd);
    const byte = load<u8>(this.at);
    if (byte == 0x7b) return this.object();
    if (byte == 0x5b) return this.array();
    if (byte == 0x22) {
      const start = this.at;
      if (!this.string()) return null;
      const value = this.make(JsonKind.String, start);
      value.textPointer = this.textPointer;
      value.textLength = this.textLength;
      return value;
    }
    if (byte == 0x2d || byte - 0x30 < 10) return this.number();
    if (byte == 0x74) return this.literal(JsonKind.True, 0x65757274, 4);
    if (byte == 0x66) return this.literal(JsonKind.False, 0x736c6166, 5);
    if (byte == 0x6e) return this.literal(JsonKind.Null, 0x6c6c756e, 4);
    return this.fail(JsonError.UnexpectedByte);
  }

  private make(kind: JsonKind, start: usize): JsonValue {
    const value = changetype<JsonValue>(arena.allocate(offsetof<JsonValue>()));
    value.kind = kind;
    value.start = <i32>(start - this.base);
    value.end = <i32>(this.at - this.base);
    value.textPointer = start;
    value.textLength = <i32>(this.at - start);
    value.keyPointer = 0;
    value.keyLength = -1;
    value.keyStart = -1;
    value.first = null;
    value.next = null;
    value.size = 0;
    return value;
  }

  /** `head`: the first four bytes, little-endian. */
  private literal(kind: JsonKind, head: u32, length: usize): JsonValue | null {
    const start = this.at;
    if (start + length > this.end) return this.fail(JsonError.UnexpectedByte);
    if (load<u32>(start) != head || (length == 5 && load<u8>(start, 4) != 0x65)) return this.fail(JsonError.UnexpectedByte);
    this.at += length;
    return this.make(kind, start);
  }

  private digits(): bool {
    const start = this.at;
    const end = this.end;
    let at = start;
    while (at < end && load<u8>(at) - 0x30 < 10) at++;
    this.at = at;
    return at > start;
  }

  private number(): JsonValue | null {
    const start = this.at;
    if (load<u8>(this.at) == 0x2d) this.at++;
    if (this.at < this.end && load<u8>(this.at) == 0x30) this.at++;
    else if (!this.digits()) return this.fail(JsonError.BadNumber);
    if (this.at < this.end && load<u8>(this.at) == 0x2e) {
      this.at++;
      if (!this.digits()) return this.fail(JsonError.BadNumber);
    }
    if (this.at < this.end && (load<u8>(this.at) | 0x20) == 0x65) {
      this.at++;
      if (this.at < this.end && (load<u8>(this.at) == 0x2b || load<u8>(this.at) == 0x2d)) this.at++;
      if (!this.digits()) return this.fail(JsonError.BadNumber);
    }
    return this.make(JsonKind.Number, start);
  }

  private array(): JsonValue | null {
    const start = this.at++;
    if (this.depthLeft-- <= 0) return this.fail(JsonError.TooDeep);
    const array = this.make(JsonKind.Array, start);
    let last: JsonValue | null = null;
    this.space();
    if (this.at < this.end && load<u8>(this.at) == 0x5d) {
      this.at++;
    } else {
      while (true) {
        this.space();
        const child = this.value();
        if (child == null) return null;
        if (last == null) array.first = child;
        else last.next = child;
        last = child;
        array.size++;
        this.space();
        if (this.at >= this.end) return this.fail(JsonError.UnexpectedEnd);
        const byte = load<u8>(this.at);
        if (byte != 0x2c && byte != 0x5d) return this.fail(JsonError.UnexpectedByte);
        this.at++;
        if (byte == 0x5d) break;
      }
    }
    this.depthLeft++;
    return this.close(array, start);
  }

  private close(value: JsonValue, start: usize): JsonValue {
    value.end = <i32>(this.at - this.base);
    value.textLength = <i32>(this.at - start);
    return value;
  }

  private object(): JsonValue | null {
    const start = this.at++;
    if (this.depthLeft-- <= 0) return this.fail(JsonError.TooDeep);
    const object = this.make(JsonKind.Object, start);
    let last: JsonValue | null = null;
    // A bit for each key before: members are gone through only where one of them may be it.
    let keys: u64 = 0;
    this.space();
    if (this.at < this.end && load<u8>(this.at) == 0x7d) {
      this.at++;
    } else {
      while (true) {
        this.space();
        const keyStart = this.at;
        if (keyStart >= this.end || load<u8>(keyStart) != 0x22) return this.fail(JsonError.UnexpectedByte);
        if (!this.string()) return null;
        const keyPointer = this.textPointer;
        const keyLength = this.textLength;
        const bit = bitOf(keyPointer, keyLength);
        if ((keys & bit) != 0 && object.size < LINEAR_DUPLICATES && object.find(keyPointer, keyLength) != null) {
          this.at = keyStart;
          return this.fail(JsonError.DuplicateKey);
        }
        keys |= bit;
        this.space();
        if (this.at >= this.end || load<u8>(this.at) != 0x3a) return this.fail(JsonError.UnexpectedByte);
        this.at++;
        this.space();
        const child = this.value();
        if (child == null) return null;
        child.keyPointer = keyPointer;
        child.keyLength = keyLength;
        child.keyStart = <i32>(keyStart - this.base);
        if (last == null) object.first = child;
        else last.next = child;
        last = child;
        object.size++;
        this.space();
        if (this.at >= this.end) return this.fail(JsonError.UnexpectedEnd);
        const byte = load<u8>(this.at);
        if (byte != 0x2c && byte != 0x7d) return this.fail(JsonError.UnexpectedByte);
        this.at++;
        if (byte == 0x7d) break;
      }
    }
    this.depthLeft++;
    if (object.size > LINEAR_DUPLICATES && !this.unique(object)) return null;
    return this.close(object, start);
  }

  /** Finds two members of one name in time linear in their number: an open-addressing set in the arena. */
  private unique(object: JsonValue): bool {
    let capacity: u32 = 64;
    while (capacity < <u32>object.size * 2) capacity *= 2;
    const slots = arena.allocate(<usize>capacity * sizeof<usize>());
    memory.fill(slots, 0, <usize>capacity * sizeof<usize>());
    let child = object.first;
    while (child != null) {
      if (!this.claim(slots, capacity - 1, child)) return false;
      child = child.next;
    }
    return true;
  }

  private claim(slots: usize, mask: u32, member: JsonValue): bool {
    // FNV-1a, 32 bits.
    let hash: u32 = 0x811c9dc5;
    for (let i = 0; i < member.keyLength; i++) hash = (hash ^ (<u32>load<u8>(member.keyPointer + <usize>i))) * 0x01000193;
    let slot = slots + <usize>(hash & mask) * sizeof<usize>();
    while (load<usize>(slot) != 0) {
      const other = changetype<JsonValue>(load<usize>(slot));
      if (other.keyLength == member.keyLength && sameBytes(other.keyPointer, member.keyPointer, <usize>member.keyLength)) {
        this.at = this.base + <usize>member.keyStart;
        this.fail(JsonError.DuplicateKey);
        return false;
      }
      hash++;
      slot = slots + <usize>(hash & mask) * sizeof<usize>();
    }
    store<usize>(slot, changetype<usize>(member));
    return true;
  }

  /** Reads a string at its quote into `textPointer` and `textLength`: a view of the source, or a decoded copy where it has escapes. */
  private string(): bool {
    const start = this.at + 1;
    this.at = start;
    while (this.plain() < this.end) {
      const byte = load<u8>(this.at);
      if (byte == 0x22) {
        this.textPointer = start;
        this.textLength = <i32>(this.at - start);
        this.at++;
        return true;
      }
      if (byte == 0x5c) return this.escapedString(start);
      if (!this.character(byte)) return false;
    }
    this.fail(JsonError.UnexpectedEnd);
    return false;
  }

  private escapedString(start: usize): bool {
    // Decoding never makes a string longer.
    let close = this.at;
    while (close < this.end && load<u8>(close) != 0x22) close += load<u8>(close) == 0x5c ? 2 : 1;
    if (close >= this.end) {
      this.at = this.end;
      this.fail(JsonError.UnexpectedEnd);
      return false;
    }
    const copy = arena.allocate(close - start);
    let length = this.at - start;
    memory.copy(copy, start, length);
    while (true) {
      const byte = load<u8>(this.at);
      if (byte == 0x22) break;
      if (byte == 0x5c) {
        const written = this.escape(copy + length);
        if (written == 0) return false;
        length += written;
      } else {
        const from = this.at;
        if (!this.character(byte)) return false;
        memory.copy(copy + length, from, this.at - from);
        length += this.at - from;
      }
    }
    this.at++;
    this.textPointer = copy;
    this.textLength = <i32>length;
    return true;
  }

  /** Steps over bytes that stand for themselves, many at a time: all from 0x20 to 0x7f but the quote and the backslash. Returns where the next one stands. */
  private plain(): usize {
    let at = this.at;
    if (ASC_FEATURE_SIMD) {
      for (; at + 16 <= this.end; at += 16) {
        const bytes = v128.load(at);
        const quotes = v128.or(i8x16.eq(bytes, i8x16.splat(0x22)), i8x16.eq(bytes, i8x16.splat(0x5c)));
        // Those from 0x80 on are negative.
        const others = i8x16.bitmask(v128.or(quotes, i8x16.lt_s(bytes, i8x16.splat(0x20))));
        if (others != 0) {
          at += <usize>ctz(others);
          break;
        }
      }
    } else {
      for (; at + 8 <= this.end; at += 8) {
        const bytes = load<u64>(at);
        // The lowest that sets its highest bit is the first other one: none below it borrows.
        const others = (bytes | (bytes - EACH * 0x20) | ((bytes ^ (EACH * 0x22)) - EACH) | ((bytes ^ (EACH * 0x5c)) - EACH)) & (EACH << 7);
        if (others != 0) {
          at += <usize>(ctz(others) >> 3);
          break;
        }
      }
    }
    this.at = at;
    return at;
  }

  /** Steps over one character that is no escape: no control, well-formed UTF-8 (RFC 3629, section 4). */
  private character(first: u8): bool {
    if (first < 0x80) {
      if (first < 0x20) {
        this.fail(JsonError.BadString);
        return false;
      }
      this.at++;
      return true;
    }
    const length = characterLength(this.at, this.end);
    if (length == 0) {
      this.fail(JsonError.BadUtf8);
      return false;
    }
    this.at += length;
    return true;
  }

  /** Decodes the escape at `at` and returns how many bytes it wrote; 0 after a failure. */
  private escape(to: usize): usize {
    const byte = load<u8>(this.at, 1);
    let decoded: u8 = 0;
    if (byte == 0x22 || byte == 0x5c || byte == 0x2f) decoded = byte;
    else if (byte == 0x62) decoded = 0x08;
    else if (byte == 0x66) decoded = 0x0c;
    else if (byte == 0x6e) decoded = 0x0a;
    else if (byte == 0x72) decoded = 0x0d;
    else if (byte == 0x74) decoded = 0x09;
    else if (byte == 0x75) return this.unicodeEscape(to);
    if (decoded == 0) {
      this.fail(JsonError.BadEscape);
      return 0;
    }
    store<u8>(to, decoded);
    this.at += 2;
    return 1;
  }

  private unicodeEscape(to: usize): usize {
    let code = this.hex(this.at + 2);
    let consumed: usize = 6;
    if (code >= 0xd800 && code < 0xdc00) {
      const paired = this.at + 12 <= this.end && load<u8>(this.at, 6) == 0x5c && load<u8>(this.at, 7) == 0x75;
      const low = paired ? this.hex(this.at + 8) : -1;
      code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : -1;
      consumed = 12;
    } else if (code >= 0xdc00 && code < 0xe000) {
      code = -1;
    }
    if (code < 0) {
      this.fail(JsonError.BadEscape);
      return 0;
    }
    this.at += consumed;
    return writeUtf8(to, <u32>code);
  }

  private hex(at: usize): i32 {
    if (at + 4 > this.end) return -1;
    let value = 0;
    for (let i: usize = 0; i < 4; i++) {
      const byte = load<u8>(at + i);
      const lower = byte | 0x20;
      const digit = byte - 0x30 < 10 ? byte - 0x30 : <u8>(lower - 0x61) < 6 ? <u8>(lower - 0x61 + 10) : 255;
      if (digit == 255) return -1;
      value = (value << 4) | (<i32>digit);
    }
    return value;
  }
}

/** The same for keys that are the same; for others mostly not. */
// @ts-ignore: decorator
@inline
function bitOf(key: usize, length: i32): u64 {
  const first: u32 = length > 0 ? load<u8>(key) : 0;
  const last: u32 = length > 0 ? load<u8>(key + <usize>length - 1) : 0;
  const place = (first * 7 + last * 3 + <u32>length) & 63;
  return (<u64>1) << (<u64>place);
}

function writeUtf8(to: usize, code: u32): usize {
  if (code < 0x80) {
    store<u8>(to, <u8>code);
    return 1;
  }
  if (code < 0x800) {
    store<u8>(to, <u8>(0xc0 | (code >> 6)));
    store<u8>(to, <u8>(0x80 | (code & 0x3f)), 1);
    return 2;
  }
  if (code < 0x10000) {
    store<u8>(to, <u8>(0xe0 | (code >> 12)));
    store<u8>(to, <u8>(0x80 | ((code >> 6) & 0x3f)), 1);
    store<u8>(to, <u8>(0x80 | (code & 0x3f)), 2);
    return 3;
  }
  store<u8>(to, <u8>(0xf0 | (code >> 18)));
  store<u8>(to, <u8>(0x80 | ((code >> 12) & 0x3f)), 1);
  store<u8>(to, <u8>(0x80 | ((code >> 6) & 0x3f)), 2);
  store<u8>(to, <u8>(0x80 | (code & 0x3f)), 3);
  return 4;
}

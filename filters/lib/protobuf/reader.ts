import { arena, Bytes } from "../bytes";

/** How a field's value is written (Protocol Buffers encoding, "Message Structure"). Groups, 3 and 4, are long gone from the language and refused. */
export const enum WireType {
  Varint = 0,
  Fixed64 = 1,
  /** Text, bytes, a message. */
  Length = 2,
  Fixed32 = 5,
}

/**
 * Reads a message field by field, in the order of the bytes. Strict: what another reader could take otherwise, or not at all, is {@link malformed}. So are
 * field 0, groups, unknown wire types, a varint of more than 64 bits and a value that ends behind the message. Lives in the arena.
 *
 * ```ts
 * const reader = ProtobufReader.over(message);
 * while (reader.next()) {
 *   if (reader.is(1, WireType.Length)) name = reader.bytes;
 * }
 * if (reader.malformed) …
 * ```
 */
@unmanaged
@final
export class ProtobufReader {
  private at: usize;
  private end: usize;
  private start: usize;
  /** Number of the field that {@link next} found. */
  field: u32;
  wireType: u32;
  /** Its value, where it is a varint or fixed; the length of {@link bytes} where it has one. */
  value: u64;
  /** Whether the message is broken at or before the place where {@link next} stopped. */
  malformed: bool;

  static over(message: Bytes): ProtobufReader {
    const reader = changetype<ProtobufReader>(arena.allocate(offsetof<ProtobufReader>()));
    reader.at = message.pointer;
    reader.end = message.pointer + <usize>message.length;
    reader.malformed = false;
    return reader;
  }

  /** Steps to the next field. `false` at the end, and where the message is {@link malformed}. */
  next(): bool {
    if (this.malformed || this.at == this.end) return false;
    const tag = this.varint();
    this.field = <u32>(tag >> 3);
    this.wireType = (<u32>tag) & 7;
    if (tag > u32.MAX_VALUE || this.field == 0) return this.fail();
    let size: u64 = 0;
    if (this.wireType == WireType.Varint) this.value = this.varint();
    else if (this.wireType == WireType.Length) size = this.value = this.varint();
    else if (this.wireType == WireType.Fixed64) size = 8;
    else if (this.wireType == WireType.Fixed32) size = 4;
    else return this.fail();
    if (this.malformed || size > <u64>(this.end - this.at)) return this.fail();
    this.start = this.at;
    this.at += <usize>size;
    if (this.wireType == WireType.Fixed64) this.value = load<u64>(this.start);
    else if (this.wireType == WireType.Fixed32) this.value = <u64>load<u32>(this.start);
    return true;
  }

  /** Whether the field is this one. Known numbers with another wire type are for the caller to refuse. */
  @inline
  is(field: u32, wireType: WireType): bool {
    return this.field == field && this.wireType == <u32>wireType;
  }

  /** A view of the value of a field with a length. */
  get bytes(): Bytes {
    return Bytes.view(this.start, this.wireType == WireType.Length ? <i32>this.value : 0);
  }

  private fail(): bool {
    this.malformed = true;
    return false;
  }

  private varint(): u64 {
    let value: u64 = 0;
    for (let shift: u64 = 0; shift < 70 && this.at < this.end; shift += 7) {
      const byte = <u64>load<u8>(this.at++);
      // The tenth byte has room for one bit.
      if (shift == 63 && byte > 1) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    this.malformed = true;
    return 0;
  }
}

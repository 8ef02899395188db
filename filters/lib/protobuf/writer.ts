import { arena, Bytes } from "../bytes";
import { WireType } from "./reader";

/**
 * Writes a message from its end to its start, so that the length of an inner message is known when it is put before it: fields go in last first. Empty and
 * zero values are left out, as proto3 does. Lives in the arena.
 *
 * ```ts
 * const writer = ProtobufWriter.create(256);
 * const end = writer.size;        // { outer: { id: "x", size: 3 } }
 * writer.varint(2, 3);
 * writer.bytes(1, id);
 * writer.message(1, end);
 * ```
 *
 * ```
 *   block                     start                                   block + capacity
 *   | free ...                | tag | length | inner message | ... written before |
 * ```
 */
@unmanaged
@final
export class ProtobufWriter {
  private block: usize;
  private capacity: usize;
  private start: usize;

  /** `capacity`: bytes to begin with; it grows. */
  static create(capacity: usize): ProtobufWriter {
    const writer = changetype<ProtobufWriter>(arena.allocate(offsetof<ProtobufWriter>()));
    writer.block = arena.allocate(capacity);
    writer.capacity = capacity;
    writer.start = writer.block + capacity;
    return writer;
  }

  /** Bytes written so far. */
  get size(): i32 {
    return <i32>(this.block + this.capacity - this.start);
  }

  /** What was written; stays as it is until the next write. */
  get written(): Bytes {
    return Bytes.view(this.start, this.size);
  }

  varint(field: u32, value: u64): void {
    if (value == 0) return;
    this.number(value);
    this.number((field << 3) | WireType.Varint);
  }

  /** Text, which must be UTF-8, or bytes. */
  bytes(field: u32, value: Bytes | null): void {
    if (value == null || value.length == 0) return;
    this.raw(value);
    this.number(value.length);
    this.number((field << 3) | WireType.Length);
  }

  /** Makes a field of what was written since {@link size} was `end`; an empty message is written too. */
  message(field: u32, end: i32): void {
    this.number(this.size - end);
    this.number((field << 3) | WireType.Length);
  }

  /** Bytes without tag and length: parts of a value that {@link message} closes. */
  raw(value: Bytes): void {
    this.reserve(<usize>value.length);
    this.start -= <usize>value.length;
    memory.copy(this.start, value.pointer, <usize>value.length);
  }

  private number(value: u64): void {
    let size: usize = 1;
    for (let rest = value >> 7; rest != 0; rest >>= 7) size++;
    this.reserve(size);
    this.start -= size;
    let at = this.start;
    let rest = value;
    while (rest >= 0x80) {
      store<u8>(at++, <u8>(rest | 0x80));
      rest >>= 7;
    }
    store<u8>(at, <u8>rest);
  }

  private reserve(size: usize): void {
    if (this.start - this.block >= size) return;
    const written = <usize>this.size;
    const capacity = max(this.capacity * 2, written + size);
    const block = arena.allocate(capacity);
    memory.copy(block + capacity - written, this.start, written);
    this.block = block;
    this.capacity = capacity;
    this.start = block + capacity - written;
  }
}

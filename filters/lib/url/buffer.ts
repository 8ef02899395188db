import { arena, Bytes } from "../bytes";

/** A stretch of arena that is written from front to back. Its owner knows the most that can be written: nothing checks the end. */
@unmanaged
@final
export class Buffer {
  private start: usize;
  private end: usize;

  /** An empty buffer with room for `capacity` bytes. */
  static of(capacity: i32): Buffer {
    const buffer = changetype<Buffer>(arena.allocate(offsetof<Buffer>()));
    buffer.start = arena.allocate(<usize>capacity);
    buffer.end = buffer.start;
    return buffer;
  }


  @inline
  get length(): i32 {
    return <i32>(this.end - this.start);
  }


  @inline
  push(byte: u8): void {
    store<u8>(this.end++, byte);
  }

  append(bytes: Bytes): void {
    memory.copy(this.end, bytes.pointer, <usize>bytes.length);
    this.end += <usize>bytes.length;
  }

  /** The byte at `index`, which must be less than {@link length}. */
  @inline
  at(index: i32): u8 {
    return load<u8>(this.start + <usize>index);
  }

  /** Forgets everything from `length` on. */
  @inline
  truncate(length: i32): void {
    this.end = this.start + <usize>length;
  }

  /** What was written so far; later writes do not change it, unless it was truncated. */
  view(): Bytes {
    return Bytes.view(this.start, this.length);
  }
}

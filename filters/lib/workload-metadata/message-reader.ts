import { arena, Bytes } from "../bytes";

/**
 * Walks over the fields of one protobuf message (https://protobuf.dev/programming-guides/encoding/), in the arena. Fields that are numbers are
 * stepped over: `content` is empty for them.
 */
@unmanaged
@final
export class MessageReader {
  /** The number of the field that {@link next} stepped to. */
  field: u32;
  /** Whether the bytes are no message; {@link next} is false then. */
  broken: bool;
  private at: usize;
  private end: usize;
  private pointer: usize;
  private length: i32;

  static over(message: Bytes): MessageReader {
    const reader = changetype<MessageReader>(arena.allocate(offsetof<MessageReader>()));
    reader.at = message.pointer;
    reader.end = message.pointer + <usize>message.length;
    reader.broken = false;
    return reader;
  }

  get content(): Bytes {
    return Bytes.view(this.pointer, this.length);
  }

  /** Steps to the next field. */
  next(): bool {
    if (this.broken || this.at >= this.end) return false;
    const tag = this.varint();
    this.field = <u32>(tag >> 3);
    this.pointer = this.at;
    this.length = 0;
    switch (<i32>(tag & 7)) {
      case 0:
        this.varint();
        break;
      case 1:
        this.skip(8);
        break;
      case 2:
        const length = this.varint();
        this.pointer = this.at;
        this.skip(length);
        if (!this.broken) this.length = <i32>length;
        break;
      case 5:
        this.skip(4);
        break;
      default:
        // Groups, which nobody writes any more.
        this.broken = true;
    }
    return !this.broken;
  }

  private skip(length: u64): void {
    if (length > <u64>(this.end - this.at)) this.broken = true;
    else this.at += <usize>length;
  }

  private varint(): u64 {
    let value: u64 = 0;
    for (let shift: u64 = 0; shift < 64 && this.at < this.end; shift += 7) {
      const byte = load<u8>(this.at++);
      value |= (<u64>(byte & 0x7f)) << shift;
      if (byte < 0x80) return value;
    }
    this.broken = true;
    return 0;
  }
}

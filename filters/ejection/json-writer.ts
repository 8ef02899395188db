import { formatInteger } from "../lib/number";
import { arena, Bytes, Text } from "../sdk";

const HEX = Text.of("0123456789abcdef");

/** Writes JSON into the arena, of any length. One object serves again and again; what it wrote ends with the callback. */
@final
export class JsonWriter {
  private start: usize = 0;
  private length: usize = 0;
  private capacity: usize = 0;

  begin(): void {
    this.capacity = 4_096;
    this.start = arena.allocate(this.capacity);
    this.length = 0;
  }

  get bytes(): Bytes {
    return Bytes.view(this.start, <i32>this.length);
  }

  /** As it is: punctuation and names. */
  raw(text: Text): void {
    const bytes = text.bytes;
    this.reserve(<usize>bytes.length);
    memory.copy(this.start + this.length, bytes.pointer, <usize>bytes.length);
    this.length += <usize>bytes.length;
  }

  integer(value: u64): void {
    const digits = formatInteger(<i64>value);
    this.reserve(<usize>digits.length);
    memory.copy(this.start + this.length, digits.pointer, <usize>digits.length);
    this.length += <usize>digits.length;
  }

  /** With quotes and escapes (RFC 8259, section 7); what is not ASCII becomes `?`, because it might not be UTF-8. */
  text(value: Bytes): void {
    this.reserve(<usize>value.length * 6 + 2);
    let at = this.start + this.length;
    store<u8>(at++, 0x22);
    for (let i = 0; i < value.length; i++) {
      const byte = value[i];
      if (byte == 0x22 || byte == 0x5c) {
        store<u8>(at++, 0x5c);
        store<u8>(at++, byte);
      } else if (byte < 0x20) {
        store<u32>(at, 0x3030_755c); // \u00
        store<u8>(at, HEX.bytes[byte >> 4], 4);
        store<u8>(at, HEX.bytes[byte & 15], 5);
        at += 6;
      } else {
        store<u8>(at++, byte < 0x7f ? byte : 0x3f);
      }
    }
    store<u8>(at++, 0x22);
    this.length = at - this.start;
  }

  private reserve(size: usize): void {
    if (this.length + size <= this.capacity) return;
    this.capacity = max(this.capacity * 2, this.length + size);
    const grown = arena.allocate(this.capacity);
    memory.copy(grown, this.start, this.length);
    this.start = grown;
  }
}

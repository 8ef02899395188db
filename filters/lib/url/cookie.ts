import { arena, Bytes } from "../bytes";

const SPACE: u8 = 0x20;
const DOUBLE_QUOTE: u8 = 0x22;
const SEMICOLON: u8 = 0x3b;
const EQUALS: u8 = 0x3d;

/**
 * The cookies of one Cookie header in their order (RFC 6265, section 4.2.1), cut as Envoy cuts them: at every `;`, spaces before a
 * name dropped, a part without `=` skipped, one pair of double quotes around a value removed (section 4.1.1 allows them).
 * A request may carry several Cookie headers (RFC 9113, section 8.2.3): iterate over each of them, in order.
 *
 * {@link name} and {@link value} are moved by every step: what must outlast it is kept with `slice(0)`.
 */
@unmanaged
@final
export class Cookies {
  /** The name of the current cookie. Case-sensitive. */
  name: Bytes;
  /** Its value without surrounding quotes. */
  value: Bytes;
  private pointer: usize;
  private end: usize;

  /** An iterator before the first cookie of `header`, the value of one Cookie header. */
  static of(header: Bytes): Cookies {
    const cookies = changetype<Cookies>(arena.allocate(offsetof<Cookies>()));
    cookies.name = Bytes.empty();
    cookies.value = Bytes.empty();
    cookies.pointer = header.pointer;
    cookies.end = header.pointer + <usize>header.length;
    return cookies;
  }

  /** Moves to the next cookie; false where there is none. */
  next(): bool {
    while (this.pointer < this.end) {
      let start = this.pointer;
      let at = start;
      let equal: usize = 0;
      for (; at < this.end; at++) {
        const byte = load<u8>(at);
        if (byte == SEMICOLON) break;
        if (byte == EQUALS && equal == 0) equal = at;
      }
      this.pointer = at + 1;
      if (equal == 0) continue;
      while (load<u8>(start) == SPACE) start++;
      this.name.pointer = start;
      this.name.length = <i32>(equal - start);
      this.setValue(equal + 1, at);
      return true;
    }
    return false;
  }

  private setValue(start: usize, end: usize): void {
    const quoted = end - start >= 2 && load<u8>(start) == DOUBLE_QUOTE && load<u8>(end - 1) == DOUBLE_QUOTE;
    this.value.pointer = quoted ? start + 1 : start;
    this.value.length = <i32>(end - start) - (quoted ? 2 : 0);
  }
}

/** The value of the first cookie called `name` in one Cookie header, or null. */
export function cookie(header: Bytes, name: Bytes): Bytes | null {
  const cookies = Cookies.of(header);
  while (cookies.next()) {
    if (cookies.name.equals(name)) return cookies.value;
  }
  return null;
}

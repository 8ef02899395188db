import { arena, Bytes } from "../bytes";

const PERCENT: u8 = 0x25;

/**
 * Decodes every `%XX` (RFC 3986, section 2.1) and leaves all else, `+` too, as it is. Strict: null where a `%` is not followed by two
 * hexadecimal digits, since a filter that guesses there decides on other bytes than the service reads. {@link badEscape} says where.
 * The result may hold any byte, NUL and bytes that are no UTF-8 included. Returns `input` itself where nothing is escaped.
 */
export function percentDecode(input: Bytes): Bytes | null {
  const first = input.indexOf(PERCENT);
  if (first < 0) return input;
  const output = arena.allocate(<usize>input.length);
  memory.copy(output, input.pointer, <usize>first);
  let written = output + <usize>first;
  for (let i = first; i < input.length; i++) {
    let byte = input[i];
    if (byte == PERCENT) {
      const value = escapedValue(input, i);
      if (value < 0) return null;
      byte = <u8>value;
      i += 2;
    }
    store<u8>(written++, byte);
  }
  return Bytes.view(output, <i32>(written - output));
}

/** The offset of the first `%` that is not followed by two hexadecimal digits, or -1. */
export function badEscape(input: Bytes): i32 {
  for (let i = input.indexOf(PERCENT); i >= 0; i = input.indexOf(PERCENT, i + 1)) {
    if (escapedValue(input, i) < 0) return i;
  }
  return -1;
}

/** The byte that the escape at `index` stands for, or -1 where no whole escape is there. */
export function escapedValue(input: Bytes, index: i32): i32 {
  if (index + 2 >= input.length || input[index] != PERCENT) return -1;
  const high = hexadecimalDigit(input[index + 1]);
  const low = hexadecimalDigit(input[index + 2]);
  return high < 0 || low < 0 ? -1 : (high << 4) | low;
}

/** The value of a hexadecimal digit, or -1. */
export function hexadecimalDigit(byte: u8): i32 {
  if (byte - 0x30 < 10) return byte - 0x30;
  const letter = byte | 0x20;
  return letter - 0x61 < 6 ? letter - 0x61 + 10 : -1;
}

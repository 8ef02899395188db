import { arena, Bytes } from "../bytes";

const REPLACEMENT: u8 = 0x21;

/**
 * The length of the character that begins at `at`, which must be before `end`: 1 to 4, or 0 where it is not well-formed UTF-8 (RFC 3629, section 4: no
 * overlong form, no surrogate, nothing past U+10FFFF).
 */
export function characterLength(at: usize, end: usize): usize {
  const first = load<u8>(at);
  if (first < 0x80) return 1;
  const length: usize = first >= 0xc2 && first <= 0xdf ? 2 : (first & 0xf0) == 0xe0 ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length == 0 || at + length > end) return 0;
  const second = load<u8>(at, 1);
  const least: u8 = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const most: u8 = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let i: usize = 2; i < length; i++) {
    if ((load<u8>(at + i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

export function isUtf8(bytes: Bytes): bool {
  const end = bytes.pointer + <usize>bytes.length;
  let at = bytes.pointer;
  while (at < end) {
    const length = characterLength(at, end);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

/** `bytes` where they are UTF-8, else a copy in the arena with `!` for every byte that is no part of a character, as Envoy's `sanitizeUtf8String` has it. */
export function toUtf8(bytes: Bytes): Bytes {
  if (isUtf8(bytes)) return bytes;
  const copy = arena.allocate(<usize>bytes.length);
  const end = bytes.pointer + <usize>bytes.length;
  let to = copy;
  for (let at = bytes.pointer; at < end;) {
    const length = characterLength(at, end);
    if (length == 0) {
      store<u8>(to++, REPLACEMENT);
      at++;
    } else {
      memory.copy(to, at, length);
      to += length;
      at += length;
    }
  }
  return Bytes.view(copy, <i32>(to - copy));
}

import { arena, Bytes } from "../bytes";

/** `value` in decimal, in the arena. */
export function formatInteger(value: i64): Bytes {
  const end = arena.allocate(24) + 24;
  let at = end;
  let rest: u64 = value < 0 ? 0 - <u64>value : <u64>value;
  do {
    store<u8>(--at, 0x30 + <u8>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  if (value < 0) store<u8>(--at, 0x2d);
  return Bytes.view(at, <i32>(end - at));
}

/** Why {@link parseInteger} gave 0. */
let valid: bool = false;

/** Whether the last {@link parseInteger} read a number. */
export function parsedInteger(): bool {
  return valid;
}

/** A decimal integer: an optional `-`, then digits, no leading `+`, space or anything else, within 64 bits. Leading zeros are allowed. */
export function parseInteger(text: Bytes): i64 {
  valid = false;
  const negative = text.length > 0 && text[0] == 0x2d;
  let i = negative ? 1 : 0;
  if (i == text.length) return 0;
  let value: u64 = 0;
  const limit: u64 = negative ? 0x8000_0000_0000_0000 : 0x7fff_ffff_ffff_ffff;
  for (; i < text.length; i++) {
    const digit = <u64>(text[i] - 0x30);
    if (text[i] - 0x30 > 9) return 0;
    if (value > (limit - digit) / 10) return 0;
    value = value * 10 + digit;
  }
  valid = true;
  return negative ? 0 - <i64>value : <i64>value;
}

import { Bytes } from "../bytes";

const MOST: u64 = 0x7fff_ffff_ffff_ffff;

let valid: bool = false;

/** Whether the last {@link parseFixed} read a number that fits. */
export function parsedFixed(): bool {
  return valid;
}

/**
 * A number in the grammar of JSON (RFC 8259, section 6) as an integer of units of 10^-`decimals`: `12.5` with 4 decimals is 125000. Digits beyond
 * are rounded, a half away from zero. Exact, unlike a double; invalid where the result needs more than 63 bits.
 */
export function parseFixed(text: Bytes, decimals: i32): i64 {
  valid = false;
  const negative = text.length > 0 && text[0] == 0x2d;
  let at = negative ? 1 : 0;
  let mantissa: u64 = 0;
  let scale = decimals;
  let digits = 0;
  let dropped = 0;
  let firstDropped: u8 = 0;
  let point = false;
  for (; at < text.length; at++) {
    const byte = text[at];
    if (byte == 0x2e && !point) {
      point = true;
      continue;
    }
    const digit = byte - 0x30;
    if (digit > 9) break;
    digits++;
    if (dropped == 0 && mantissa <= (MOST - 9) / 10) {
      mantissa = mantissa * 10 + <u64>digit;
      if (point) scale--;
    } else {
      if (dropped++ == 0) firstDropped = digit;
      if (!point) scale++;
    }
  }
  if (digits == 0) return 0;
  const exponent = parseExponent(text, at);
  if (exponent == i32.MIN_VALUE) return 0;
  scale += exponent;
  for (; scale > 0 && mantissa != 0; scale--) {
    if (mantissa > MOST / 10) return 0;
    mantissa *= 10;
  }
  let roundUp = scale == 0 && dropped > 0 && firstDropped >= 5;
  for (; scale < 0 && mantissa != 0; scale++) {
    roundUp = mantissa % 10 >= 5;
    mantissa /= 10;
  }
  if (roundUp) mantissa++;
  if (mantissa > MOST) return 0;
  valid = true;
  return negative ? -(<i64>mantissa) : <i64>mantissa;
}

/** What stands behind the digits: nothing (0), or `e` and an exponent, bounded; the least i32 where it is neither. */
function parseExponent(text: Bytes, start: i32): i32 {
  if (start == text.length) return 0;
  let at = start;
  if ((text[at++] | 0x20) != 0x65 || at == text.length) return i32.MIN_VALUE;
  const negative = text[at] == 0x2d;
  if (negative || text[at] == 0x2b) at++;
  if (at == text.length) return i32.MIN_VALUE;
  let exponent = 0;
  for (; at < text.length; at++) {
    const digit = text[at] - 0x30;
    if (digit > 9) return i32.MIN_VALUE;
    // Beyond this every number is too large or nothing.
    exponent = min(exponent * 10 + <i32>digit, 10_000);
  }
  return negative ? -exponent : exponent;
}

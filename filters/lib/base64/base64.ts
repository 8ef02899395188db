import { arena, Bytes } from "../bytes";

// The encodings of RFC 4648, sections 4 (base64) and 5 (base64url).

/** Whether the `=` at the end, which fill up to a multiple of four, are there (RFC 4648, section 3.2). */
export const enum Base64Padding {
  /** All of them must be there: base64 in MIME, PEM and HTTP's Basic scheme. */
  Required = 0,
  /** None may be there: the segments of a JWT (RFC 7515, section 2). */
  Forbidden = 1,
  /** All of them or none: for what clients write either way. */
  Optional = 2,
}

const PAD: u8 = 0x3d;

/** What a value of {@link VALUES} carries besides its six bits where the character is in one alphabet only; no alphabet's has both. */
const STANDARD: u8 = 0x40;
const URL_SAFE: u8 = 0x80;

const STANDARD_ALPHABET: usize = memory.data<u8>([
  0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57,
  0x58, 0x59, 0x5a, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73, 0x74,
  0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x2b, 0x2f,
]);
const URL_SAFE_ALPHABET: usize = memory.data<u8>([
  0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57,
  0x58, 0x59, 0x5a, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73, 0x74,
  0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x2d, 0x5f,
]);

/** The value of each byte, with {@link STANDARD} at `+` and `/`, {@link URL_SAFE} at `-` and `_`, and 0xff, which has both, at all others. */
const VALUES: usize = memory.data<u8>([
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7e, 0xff, 0xbe,
  0xff, 0x7f, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x01, 0x02, 0x03,
  0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0xff,
  0xff, 0xff, 0xff, 0xbf, 0xff, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b,
  0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0x31, 0x32, 0x33, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0xff, 0xff, 0xff,
]);

/**
 * Decodes base64 into the arena, or returns null. Strict, so that no two texts mean the same bytes but for their padding: no white space, no
 * character of base64url, no bits that are left over and not zero (RFC 4648, section 3.5).
 */
export function decodeBase64(input: Bytes, padding: Base64Padding = Base64Padding.Required): Bytes | null {
  return decode(input, URL_SAFE, padding);
}

/** Decodes base64url as {@link decodeBase64} does base64. */
export function decodeBase64Url(input: Bytes, padding: Base64Padding = Base64Padding.Forbidden): Bytes | null {
  return decode(input, STANDARD, padding);
}

/** The same of base64url without padding, to `output`, which has room for as many bytes as `input` has characters. */
export function decodeBase64UrlTo(input: Bytes, output: usize): Bytes | null {
  const length = unpadded(input, Base64Padding.Forbidden);
  return length < 0 ? null : decodeTo(input, length, STANDARD, output);
}

/** `input` in base64, in the arena; with `=` at the end unless `padded` is false. */
export function encodeBase64(input: Bytes, padded: bool = true): Bytes {
  return encode(input, STANDARD_ALPHABET, padded);
}

/** `input` in base64url, in the arena; without `=` at the end unless `padded` is true. */
export function encodeBase64Url(input: Bytes, padded: bool = false): Bytes {
  return encode(input, URL_SAFE_ALPHABET, padded);
}

/** `foreign`: the mark of the characters that are in the other alphabet only. */
function decode(input: Bytes, foreign: u8, padding: Base64Padding): Bytes | null {
  const length = unpadded(input, padding);
  return length < 0 ? null : decodeTo(input, length, foreign, arena.allocate(<usize>length));
}

/** Decodes the first `length` characters. */
function decodeTo(input: Bytes, length: i32, foreign: u8, output: usize): Bytes | null {
  const left = length & 3;
  const size = (length >> 2) * 3 + (left == 0 ? 0 : left - 1);
  let seen: u8 = 0;
  let to = output;
  let at = input.pointer;
  const end = at + <usize>length;
  if (ASC_FEATURE_SIMD) {
    if (foreign == STANDARD) {
      const blocks = at + ((<usize>length) & ~15);
      if (!decodeBlocks(at, blocks, to)) return null;
      to += ((blocks - at) >> 4) * 12;
      at = blocks;
    }
  }
  for (const last = end - <usize>left; at < last; at += 4) {
    const one = valueAt(at);
    const two = valueAt(at + 1);
    const three = valueAt(at + 2);
    const four = valueAt(at + 3);
    seen |= one | two | three | four;
    store<u8>(to, (one << 2) | ((two & 0x3f) >> 4));
    store<u8>(to, (two << 4) | ((three & 0x3f) >> 2), 1);
    store<u8>(to, (three << 6) | (four & 0x3f), 2);
    to += 3;
  }
  if (left > 0) {
    const one = valueAt(at);
    const two = valueAt(at + 1);
    const three: u8 = left == 3 ? valueAt(at + 2) : 0;
    seen |= one | two | three;
    store<u8>(to, (one << 2) | ((two & 0x3f) >> 4));
    if (left == 3) store<u8>(to, (two << 4) | ((three & 0x3f) >> 2), 1);
    const unused: u8 = left == 3 ? three & 0x03 : two & 0x0f;
    if (unused != 0) return null;
  }
  return (seen & foreign) == 0 ? Bytes.view(output, size) : null;
}

/**
 * Decodes base64url, 16 characters to 12 bytes, up to `end`; `false` where there is any other character. A character is one where its two halves have no bit in common in the
 * two tables, in which a bit stands for the upper halves that go with the same lower ones; its value is a constant for each upper half further on, but for `_`
 * (W. Muła and D. Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions", sections 3.2 and 3.3).
 */
function decodeBlocks(from: usize, end: usize, output: usize): bool {
  const upper = i8x16(32, 32, 1, 2, 4, 8, 4, 16, 32, 32, 32, 32, 32, 32, 32, 32);
  const lower = i8x16(37, 33, 33, 33, 33, 33, 33, 33, 33, 33, 35, 59, 59, 58, 59, 51);
  const steps = i8x16(0, 0, 17, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, -32, 0, 0);
  let to = output;
  let wrong = i64x2.splat(0);
  for (let at = from; at < end; at += 16) {
    const characters = v128.load(at);
    const high = i8x16.shr_u(characters, 4);
    wrong = v128.or(wrong, v128.and(i8x16.swizzle(upper, high), i8x16.swizzle(lower, v128.and(characters, i8x16.splat(0x0f)))));
    const underscore = v128.and(i8x16.eq(characters, i8x16.splat(0x5f)), i8x16.splat(0x08));
    const values = i8x16.add(characters, i8x16.swizzle(steps, v128.or(high, underscore)));
    // Six bits each, then twelve of two, then twenty-four of four.
    const pairs = v128.or(v128.and(i16x8.shl(values, 6), i16x8.splat(0x0fc0)), i16x8.shr_u(values, 8));
    const groups = i32x4.dot_i16x8_s(pairs, i32x4.splat(0x0001_1000));
    const bytes = i8x16.shuffle(groups, groups, 2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 0, 0, 0, 0);
    v128.store64_lane(to, bytes, 0);
    v128.store32_lane(to, bytes, 2, 8);
    to += 12;
  }
  return !v128.any_true(wrong);
}

/** How many characters stand before the padding; -1 where the padding is not as `padding` says or the length is one that nothing encodes to. */
function unpadded(input: Bytes, padding: Base64Padding): i32 {
  let length = input.length;
  let pads = 0;
  while (pads < 2 && length > 0 && input[length - 1] == PAD) {
    length--;
    pads++;
  }
  if ((length & 3) == 1) return -1;
  const missing = (4 - (length & 3)) & 3;
  if (pads == missing) return pads > 0 && padding == Base64Padding.Forbidden ? -1 : length;
  return pads == 0 && padding != Base64Padding.Required ? length : -1;
}

// @ts-ignore: decorator
@inline
function valueAt(at: usize): u8 {
  return load<u8>(VALUES + <usize>load<u8>(at));
}

function encode(input: Bytes, alphabet: usize, padded: bool): Bytes {
  const left = input.length % 3;
  const whole = input.length - left;
  const size = (whole / 3) * 4 + (left == 0 ? 0 : padded ? 4 : left + 1);
  const output = arena.allocate(<usize>size);
  let to = output;
  let at = input.pointer;
  for (const end = at + <usize>whole; at < end; at += 3) {
    const group = ((<u32>load<u8>(at)) << 16) | ((<u32>load<u8>(at, 1)) << 8) | (<u32>load<u8>(at, 2));
    store<u8>(to, load<u8>(alphabet + <usize>(group >> 18)));
    store<u8>(to, load<u8>(alphabet + <usize>((group >> 12) & 0x3f)), 1);
    store<u8>(to, load<u8>(alphabet + <usize>((group >> 6) & 0x3f)), 2);
    store<u8>(to, load<u8>(alphabet + <usize>(group & 0x3f)), 3);
    to += 4;
  }
  if (left > 0) {
    const second: u32 = left == 2 ? <u32>load<u8>(at, 1) : 0;
    const group = ((<u32>load<u8>(at)) << 16) | (second << 8);
    store<u8>(to, load<u8>(alphabet + <usize>(group >> 18)));
    store<u8>(to, load<u8>(alphabet + <usize>((group >> 12) & 0x3f)), 1);
    if (left == 2) store<u8>(to, load<u8>(alphabet + <usize>((group >> 6) & 0x3f)), 2);
    if (padded) {
      if (left == 1) store<u8>(to, PAD, 2);
      store<u8>(to, PAD, 3);
    }
  }
  return Bytes.view(output, size);
}

import { arena, Bytes } from "../bytes";
import { Base64Padding, decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url } from ".";

// Flat functions for base64.test.ts.

/** Bytes as one number for `ByteCalls.text`: pointer above, length below, all ones for null. */
function pack(bytes: Bytes | null): u64 {
  return bytes == null ? u64.MAX_VALUE : ((<u64>bytes.pointer) << 32) | (<u64>bytes.length);
}

function view(pointer: usize, length: i32): Bytes {
  arena.reset();
  return Bytes.view(pointer, length);
}

export function decode(pointer: usize, length: i32, padding: i32): u64 {
  return pack(decodeBase64(view(pointer, length), <Base64Padding>padding));
}

export function decodeByDefault(pointer: usize, length: i32): u64 {
  return pack(decodeBase64(view(pointer, length)));
}

export function decodeUrl(pointer: usize, length: i32, padding: i32): u64 {
  return pack(decodeBase64Url(view(pointer, length), <Base64Padding>padding));
}

export function decodeUrlByDefault(pointer: usize, length: i32): u64 {
  return pack(decodeBase64Url(view(pointer, length)));
}

export function encode(pointer: usize, length: i32, padded: i32): u64 {
  return pack(encodeBase64(view(pointer, length), padded != 0));
}

export function encodeUrl(pointer: usize, length: i32, padded: i32): u64 {
  return pack(encodeBase64Url(view(pointer, length), padded != 0));
}

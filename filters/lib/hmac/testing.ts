import { arena, Bytes } from "../bytes";
import { Hash } from "../sha2";
import { hmac, hmacEquals } from ".";

// Flat functions for hmac.test.ts.

export function tag(hash: i32, key: usize, keyLength: i32, message: usize, messageLength: i32): u64 {
  arena.reset();
  const bytes = hmac(<Hash>hash, Bytes.view(key, keyLength), Bytes.view(message, messageLength));
  return ((<u64>bytes.pointer) << 32) | (<u64>bytes.length);
}

export function verify(
  hash: i32,
  key: usize,
  keyLength: i32,
  message: usize,
  messageLength: i32,
  expected: usize,
  expectedLength: i32,
): bool {
  arena.reset();
  return hmacEquals(<Hash>hash, Bytes.view(key, keyLength), Bytes.view(message, messageLength), Bytes.view(expected, expectedLength));
}

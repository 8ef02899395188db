import { arena, Bytes } from "../bytes";
import { isUtf8, toUtf8 } from ".";

// Flat functions for utf8.test.ts.

export function valid(pointer: usize, length: i32): bool {
  return isUtf8(Bytes.view(pointer, length));
}

export function sanitize(pointer: usize, length: i32): u64 {
  arena.reset();
  const bytes = toUtf8(Bytes.view(pointer, length));
  return ((<u64>bytes.pointer) << 32) | (<u64>bytes.length);
}

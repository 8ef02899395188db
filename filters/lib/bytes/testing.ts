import { arena, Bytes, copyBytes, sameBytes } from ".";

// Flat functions for bytes.test.ts.

export function same(left: usize, right: usize, size: i32): bool {
  return sameBytes(left, right, <usize>size);
}

export function copy(to: usize, from: usize, size: i32): void {
  copyBytes(to, from, <usize>size);
}

export function indexOf(pointer: usize, length: i32, byte: u8, from: i32): i32 {
  return Bytes.view(pointer, length).indexOf(byte, from);
}

/** A place for `size` bytes. */
export function place(size: i32): usize {
  return arena.allocate(<usize>size);
}

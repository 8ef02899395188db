import { arena, Bytes } from "../bytes";
import { xxHash64 } from ".";

// For xxhash64.test.ts.

export function hash(pointer: usize, length: i32, seed: u64): u64 {
  arena.reset();
  return xxHash64(Bytes.view(pointer, length), seed);
}

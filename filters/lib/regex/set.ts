import { arena } from "../bytes";

// A set of instructions as bits in arena or state memory: u64 words, least significant first.

/** Words that a set over `size` instructions needs. */
// @ts-ignore: decorator
@inline
export function wordsFor(size: i32): i32 {
  return (size + 63) >> 6;
}

export function newSet(words: i32): usize {
  const set = arena.allocate((<usize>words) << 3);
  memory.fill(set, 0, (<usize>words) << 3);
  return set;
}

/** Adds `index`; `false` where it was there. */
// @ts-ignore: decorator
@inline
export function addTo(set: usize, index: u32): bool {
  const word = set + ((<usize>(index >> 6)) << 3);
  const bit = (<u64>1) << (index & 63);
  const held = load<u64>(word);
  store<u64>(word, held | bit);
  return (held & bit) == 0;
}

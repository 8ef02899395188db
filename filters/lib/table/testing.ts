import { arena, Bytes, Text } from "../bytes";
import { BytesTable, PrefixTable } from ".";

// Flat functions for table.test.ts.

let table = new BytesTable<Text>();
let prefixes = new PrefixTable<Text>();

export function clear(): void {
  table = new BytesTable<Text>();
  prefixes = new PrefixTable<Text>();
}

export function tableSet(pointer: usize, length: i32): void {
  const key = Text.from(Bytes.view(pointer, length));
  table.set(key, key);
}

/** 1 where the key is there and its value is its own. */
export function tableGet(pointer: usize, length: i32): i32 {
  arena.reset();
  const key = Bytes.view(pointer, length);
  const value = table.get(key);
  return value != null && value.bytes.equals(key) ? 1 : 0;
}

export function prefixSet(pointer: usize, length: i32): void {
  const key = Text.from(Bytes.view(pointer, length));
  prefixes.set(key, key);
}

/** How many prefixes of the input are met; -1 where one met is no prefix of it, or they do not get longer. */
export function prefixCount(pointer: usize, length: i32): i32 {
  arena.reset();
  const input = Bytes.view(pointer, length);
  const walk = prefixes.walk();
  let count = 0;
  let last = -1;
  for (let value = prefixes.next(walk, input); value != null; value = prefixes.next(walk, input)) {
    if (!input.startsWith(value.bytes) || value.bytes.length <= last) return -1;
    last = value.bytes.length;
    count++;
  }
  return count;
}

import { arena, Bytes } from "../bytes";
import { formatInteger, parsedInteger, parseInteger } from ".";

// Flat functions for integer.test.ts.

export function parse(pointer: usize, length: i32): i64 {
  arena.reset();
  return parseInteger(Bytes.view(pointer, length));
}

export function valid(): i32 {
  return parsedInteger() ? 1 : 0;
}

let text: Bytes | null = null;

export function format(value: i64): i32 {
  arena.reset();
  text = formatInteger(value);
  return (text as Bytes).length;
}

export function formatted(): usize {
  return (text as Bytes).pointer;
}

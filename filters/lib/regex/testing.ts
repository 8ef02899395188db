import { arena, Bytes } from "../bytes";
import { Matcher, Regex } from ".";

// Flat functions for regex.test.ts. What is compiled stays until the next.

let regex: Regex | null = null;
let text: Bytes | null = null;

function view(pointer: usize, length: i32): Bytes {
  arena.reset();
  return Bytes.view(pointer, length);
}

export function compile(pointer: usize, length: i32): i32 {
  regex = Regex.compile(view(pointer, length));
  return regex != null ? 1 : 0;
}

/** The error as UTF-8; returns its length. */
export function error(): i32 {
  const bytes = String.UTF8.encode(Regex.errorMessage());
  const copy = arena.allocate(bytes.byteLength);
  memory.copy(copy, changetype<usize>(bytes), bytes.byteLength);
  text = Bytes.view(copy, bytes.byteLength);
  return bytes.byteLength;
}

export function matches(pointer: usize, length: i32): i32 {
  return (regex as Regex).matches(view(pointer, length)) ? 1 : 0;
}

/** Where the positions stand, or 0. */
export function search(pointer: usize, length: i32): usize {
  return (regex as Regex).search(view(pointer, length));
}

export function captureCount(): i32 {
  return (regex as Regex).captureCount;
}

/** Both are given behind each other. */
export function replaceAll(pointer: usize, length: i32, replacementLength: i32): i32 {
  const input = view(pointer, length);
  text = (regex as Regex).replaceAll(input, Bytes.view(pointer + <usize>length, replacementLength));
  return (text as Bytes).length;
}

export function validReplacement(pointer: usize, length: i32): i32 {
  return (regex as Regex).validReplacement(view(pointer, length)) ? 1 : 0;
}

export function result(): usize {
  return (text as Bytes).pointer;
}

export function steps(): f64 {
  return <f64>Matcher.steps;
}

import { arena, Bytes } from "../bytes";
import * as http from ".";

// Flat functions for header.test.ts.

function view(pointer: usize, length: i32): Bytes {
  arena.reset();
  return Bytes.view(pointer, length);
}

export function isToken(pointer: usize, length: i32): bool {
  return http.isToken(view(pointer, length));
}

export function isHeaderName(pointer: usize, length: i32): bool {
  return http.isHeaderName(view(pointer, length));
}

export function isMethod(pointer: usize, length: i32): bool {
  return http.isMethod(view(pointer, length));
}

export function isHeaderValue(pointer: usize, length: i32): bool {
  return http.isHeaderValue(view(pointer, length));
}

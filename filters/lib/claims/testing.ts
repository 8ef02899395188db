import { arena, Bytes, Text } from "../bytes";
import { Claims, ClaimTexts, parseClaimPath } from ".";

// Flat functions for claims.test.ts.

const NULL: u64 = u64.MAX_VALUE;

function packed(bytes: Bytes | null): u64 {
  return bytes == null ? NULL : ((<u64>bytes.pointer) << 32) | (<u64>bytes.length);
}

function read(pointer: usize, length: i32): Claims {
  arena.reset();
  return Claims.parse(Bytes.view(pointer, length));
}

export function undecodable(pointer: usize, length: i32): bool {
  return read(pointer, length).undecodable;
}

export function authenticated(pointer: usize, length: i32): bool {
  return read(pointer, length).authenticated;
}

export function principal(pointer: usize, length: i32): u64 {
  return packed(read(pointer, length).principal);
}

export function consumer(pointer: usize, length: i32): u64 {
  return packed(read(pointer, length).consumer);
}

let path = parseClaimPath(Text.of("[a]").bytes);

/** Keeps the path for {@link texts}; false where it has neither form. */
export function setPath(pointer: usize, length: i32): bool {
  arena.reset();
  path = parseClaimPath(Bytes.view(pointer, length));
  return path != null;
}

/** The texts of the claim at the path, each with a line feed behind it. */
export function texts(pointer: usize, length: i32): u64 {
  const claims = read(pointer, length);
  const names = path;
  if (names == null) return NULL;
  const start = arena.allocate(<usize>length + 16);
  let at = start;
  const walk = ClaimTexts.of(claims.claim(names), names);
  while (walk.next()) {
    memory.copy(at, walk.text.pointer, <usize>walk.text.length);
    at += <usize>walk.text.length;
    store<u8>(at++, 0x0a);
  }
  return packed(Bytes.view(start, <i32>(at - start)));
}

import { arena, Bytes } from "../bytes";
import { digestOf, Hash, Sha256, sha256, SHA256_STATE_SIZE, Sha512, SHA512_STATE_SIZE } from ".";

// Flat functions for sha256.test.ts and sha512.test.ts.

/** Bytes as one number for `ByteCalls.text`: pointer above, length below. */
function pack(bytes: Bytes): u64 {
  return ((<u64>bytes.pointer) << 32) | (<u64>bytes.length);
}

/** Two streams, so that a test can go to and fro between them. Outside the arena, as for a body whose parts come in many callbacks. */
const states: usize = heap.alloc(2 * SHA256_STATE_SIZE);

function stateAt(index: i32): usize {
  return states + <usize>index * SHA256_STATE_SIZE;
}

export function oneShot(pointer: usize, length: i32): u64 {
  arena.reset();
  return pack(sha256(Bytes.view(pointer, length)));
}

export function start(index: i32): void {
  Sha256.at(stateAt(index));
}

export function update(index: i32, pointer: usize, length: i32): void {
  arena.reset();
  changetype<Sha256>(stateAt(index)).update(Bytes.view(pointer, length));
}

export function digest(index: i32): u64 {
  arena.reset();
  return pack(changetype<Sha256>(stateAt(index)).digest());
}

/** Whether the state is as large as its constant says. */
export function stateFits(): bool {
  return SHA256_STATE_SIZE == offsetof<Sha256>() + 64;
}

/** `count` times the byte `value`, 997 at a time. */
export function repeated(value: i32, count: i32): u64 {
  arena.reset();
  const part = arena.allocate(997);
  memory.fill(part, <u8>value, 997);
  const hash = Sha256.create();
  for (let left = count; left > 0; left -= 997) hash.update(Bytes.view(part, min(left, 997)));
  return pack(hash.digest());
}

/** The digest of two parts: `hash` is a {@link Hash}. */
export function digestOfParts(hash: i32, first: usize, firstLength: i32, second: usize, secondLength: i32): u64 {
  arena.reset();
  return pack(digestOf(<Hash>hash, Bytes.view(first, firstLength), Bytes.view(second, secondLength)));
}

/** Whether the state of SHA-512 is as large as its constant says. */
export function state512Fits(): bool {
  return SHA512_STATE_SIZE == offsetof<Sha512>() + 128;
}

import { arena, Bytes } from "../bytes";
import { Algorithm, ecSignature, JsonWebKey, KeySet, parseAlgorithm } from ".";

// Flat functions for jwk.test.ts.

const NULL: u64 = u64.MAX_VALUE;
let set: KeySet = new KeySet();

function pack(bytes: Bytes): u64 {
  return ((<u64>bytes.pointer) << 32) | (<u64>bytes.length);
}

/** How many keys of a key set can verify; 0 where the set has a {@link problem}. */
export function read(pointer: usize, length: i32): i32 {
  arena.reset();
  set = KeySet.parse(Bytes.view(pointer, length));
  return set.keys.length;
}

/** The {@link KeySet.problem}, in UTF-8. */
export function problem(): u64 {
  const text = set.problem;
  if (text == null) return NULL;
  const size = String.UTF8.byteLength(text);
  const start = arena.allocate(<usize>size);
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, start);
  return pack(Bytes.view(start, size));
}

function keyAt(index: i32): JsonWebKey {
  return set.keys[index];
}

export function algorithms(index: i32): u32 {
  return keyAt(index).algorithms;
}

export function kid(index: i32): u64 {
  const text = keyAt(index).kid;
  return text != null ? pack(text.bytes) : NULL;
}

export function spki(index: i32): u64 {
  const info = keyAt(index).spki;
  return info != null ? pack(info.bytes) : NULL;
}

/** -1 where it is none that is known. */
export function algorithmOf(name: usize, length: i32): i32 {
  arena.reset();
  return parseAlgorithm(Bytes.view(name, length));
}

/** Only for an algorithm that the key allows. */
export function verify(index: i32, algorithm: i32, message: usize, messageLength: i32, signature: usize, signatureLength: i32): bool {
  arena.reset();
  const key = keyAt(index);
  if (!key.allows(<Algorithm>algorithm)) return false;
  return key.verify(<Algorithm>algorithm, Bytes.view(message, messageLength), Bytes.view(signature, signatureLength));
}

export function derOf(raw: usize, length: i32): u64 {
  arena.reset();
  return pack(ecSignature(Bytes.view(raw, length)));
}

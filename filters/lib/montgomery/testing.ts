import { arena, Bytes } from "../bytes";
import { Modulus } from ".";

// Flat functions for modulus.test.ts. Numbers are little-endian, of as many bytes as the modulus.

let modulus: Modulus = changetype<Modulus>(0);

export function setModulus(pointer: usize, length: i32): void {
  modulus = new Modulus(pointer, length >> 2);
}

function result(pointer: usize): u64 {
  const bytes = Bytes.view(pointer, <i32>modulus.size);
  return ((<u64>bytes.pointer) << 32) | (<u64>bytes.length);
}

function fresh(): usize {
  arena.reset();
  return arena.allocate(modulus.size);
}

export function add(a: usize, aLength: i32, b: usize, bLength: i32): u64 {
  const out = fresh();
  modulus.add(out, a, b);
  return result(out);
}

export function subtract(a: usize, aLength: i32, b: usize, bLength: i32): u64 {
  const out = fresh();
  modulus.subtract(out, a, b);
  return result(out);
}

/** a·b mod n. */
export function product(a: usize, aLength: i32, b: usize, bLength: i32): u64 {
  const out = fresh();
  modulus.enter(out, a);
  modulus.multiply(out, out, b);
  return result(out);
}

/** a there and back. */
export function roundTrip(a: usize, aLength: i32): u64 {
  const out = fresh();
  modulus.enter(out, a);
  modulus.leave(out, out);
  return result(out);
}

export function power(base: usize, baseLength: i32, exponent: usize, exponentLength: i32): u64 {
  const out = fresh();
  const entered = arena.allocate(modulus.size);
  modulus.enter(entered, base);
  modulus.power(out, entered, exponent, exponentLength >> 2);
  modulus.leave(out, out);
  return result(out);
}

export function contains(a: usize, aLength: i32): bool {
  return modulus.contains(a);
}

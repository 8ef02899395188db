import { Bytes } from "../bytes";

// xxHash, 64 bits (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, version 0.1.1), which Envoy uses for hashing too.

const PRIME_1: u64 = 0x9e37_79b1_85eb_ca87;
const PRIME_2: u64 = 0xc2b2_ae3d_27d4_eb4f;
const PRIME_3: u64 = 0x1656_67b1_9e37_79f9;
const PRIME_4: u64 = 0x85eb_ca77_c2b2_ae63;
const PRIME_5: u64 = 0x27d4_eb2f_1656_67c5;

/** A hash for buckets and tables. Without a secret seed whoever chooses the input can make collisions. */
export function xxHash64(bytes: Bytes, seed: u64 = 0): u64 {
  let at = bytes.pointer;
  const end = at + <usize>bytes.length;
  let hash: u64;
  if (bytes.length >= 32) {
    let one = seed + PRIME_1 + PRIME_2;
    let two = seed + PRIME_2;
    let three = seed;
    let four = seed - PRIME_1;
    for (; at + 32 <= end; at += 32) {
      one = round(one, load<u64>(at));
      two = round(two, load<u64>(at, 8));
      three = round(three, load<u64>(at, 16));
      four = round(four, load<u64>(at, 24));
    }
    hash = rotl(one, 1) + rotl(two, 7) + rotl(three, 12) + rotl(four, 18);
    hash = merge(merge(merge(merge(hash, one), two), three), four);
  } else {
    hash = seed + PRIME_5;
  }
  hash += <u64>bytes.length;
  for (; at + 8 <= end; at += 8) hash = rotl(hash ^ round(0, load<u64>(at)), 27) * PRIME_1 + PRIME_4;
  if (at + 4 <= end) {
    hash = rotl(hash ^ (<u64>load<u32>(at) * PRIME_1), 23) * PRIME_2 + PRIME_3;
    at += 4;
  }
  for (; at < end; at++) hash = rotl(hash ^ (<u64>load<u8>(at) * PRIME_5), 11) * PRIME_1;
  hash = (hash ^ (hash >> 33)) * PRIME_2;
  hash = (hash ^ (hash >> 29)) * PRIME_3;
  return hash ^ (hash >> 32);
}

// @ts-ignore: decorator
@inline
function round(lane: u64, input: u64): u64 {
  return rotl(lane + input * PRIME_2, 31) * PRIME_1;
}

// @ts-ignore: decorator
@inline
function merge(hash: u64, lane: u64): u64 {
  return (hash ^ round(0, lane)) * PRIME_1 + PRIME_4;
}

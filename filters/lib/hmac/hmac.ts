import { arena, Bytes } from "../bytes";
import { blockLength, digestOf, Hash } from "../sha2";

/** HMAC (RFC 2104) of `message`, in the arena: as many bytes as the hash has. */
export function hmac(hash: Hash, key: Bytes, message: Bytes): Bytes {
  const size = blockLength(hash);
  const secret = key.length > size ? digestOf(hash, key) : key;
  const inner = padded(secret, size, 0x36);
  const outer = padded(secret, size, 0x5c);
  return digestOf(hash, outer, digestOf(hash, inner, message));
}

/**
 * Whether `tag` is the HMAC of `message`, whole: a shorter one never is. Takes as long for a wrong tag as for the right one, wherever they begin to
 * differ, so that nobody can guess a tag byte by byte.
 */
export function hmacEquals(hash: Hash, key: Bytes, message: Bytes, tag: Bytes): bool {
  return equalInConstantTime(hmac(hash, key, message), tag);
}

/** Equality in a time that depends on the lengths alone. */
export function equalInConstantTime(left: Bytes, right: Bytes): bool {
  if (left.length != right.length) return false;
  let difference: u32 = 0;
  for (let i = 0; i < left.length; i++) difference |= left[i] ^ right[i];
  return difference == 0;
}

/** The key, filled up with zeros to a block, each byte mixed with `mask`. */
function padded(key: Bytes, size: i32, mask: u8): Bytes {
  const block = arena.allocate(<usize>size);
  memory.fill(block, mask, <usize>size);
  for (let i = 0; i < key.length; i++) store<u8>(block + <usize>i, key[i] ^ mask);
  return Bytes.view(block, size);
}

import { arena, Bytes } from "../bytes";
import { Sha256, SHA256_LENGTH, SHA256_STATE_SIZE } from "./sha256";
import { Sha512, SHA384_LENGTH, SHA512_LENGTH, SHA512_STATE_SIZE } from "./sha512";

/** The hashes of JOSE (RFC 7518): those of RS, PS, ES and HS with 256, 384 and 512. */
export const enum Hash {
  Sha256,
  Sha384,
  Sha512,
}

/** Bytes of a digest. */
export function hashLength(hash: Hash): i32 {
  return hash == Hash.Sha256 ? SHA256_LENGTH : hash == Hash.Sha384 ? SHA384_LENGTH : SHA512_LENGTH;
}

/** Bytes of the blocks that the hash works on: what HMAC pads its key to. */
export function blockLength(hash: Hash): i32 {
  return hash == Hash.Sha256 ? 64 : 128;
}

/** One of the three, chosen when it runs, over up to three parts in a row (absent ones are empty). Returns the digest, in the arena. */
export function digestOf(hash: Hash, first: Bytes, second: Bytes | null = null, third: Bytes | null = null): Bytes {
  if (hash == Hash.Sha256) {
    const sha256 = Sha256.at(arena.allocate(SHA256_STATE_SIZE));
    sha256.update(first);
    if (second != null) sha256.update(second);
    if (third != null) sha256.update(third);
    return sha256.digest();
  }
  const sha512 = Sha512.at(arena.allocate(SHA512_STATE_SIZE));
  if (hash == Hash.Sha384) sha512.start384();
  sha512.update(first);
  if (second != null) sha512.update(second);
  if (third != null) sha512.update(third);
  return sha512.digest();
}

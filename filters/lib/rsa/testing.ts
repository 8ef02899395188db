import { arena, Bytes } from "../bytes";
import { Hash } from "../sha2";
import { RsaPublicKey } from ".";

// Flat functions for rsa.test.ts.

let key: RsaPublicKey | null = null;

/** Bits of the key, or 0 where it is refused. */
export function setKey(modulus: usize, modulusLength: i32, exponent: usize, exponentLength: i32): i32 {
  arena.reset();
  key = RsaPublicKey.of(Bytes.view(modulus, modulusLength), Bytes.view(exponent, exponentLength));
  const made = key;
  return made != null ? made.bits : 0;
}

export function verify(pss: bool, hash: i32, message: usize, messageLength: i32, signature: usize, signatureLength: i32): bool {
  arena.reset();
  const made = key;
  if (made == null) return false;
  const signed = Bytes.view(message, messageLength);
  const tag = Bytes.view(signature, signatureLength);
  return pss ? made.verifyPss(<Hash>hash, signed, tag) : made.verifyPkcs1(<Hash>hash, signed, tag);
}

import { arena, Bytes } from "../bytes";
import { Ed25519PublicKey } from ".";

// Flat functions for ed25519.test.ts.

let key: Ed25519PublicKey | null = null;

export function setKey(x: usize, length: i32): bool {
  arena.reset();
  key = Ed25519PublicKey.of(Bytes.view(x, length));
  return key != null;
}

export function verify(message: usize, messageLength: i32, signature: usize, signatureLength: i32): bool {
  arena.reset();
  const made = key;
  return made != null && made.verify(Bytes.view(message, messageLength), Bytes.view(signature, signatureLength));
}

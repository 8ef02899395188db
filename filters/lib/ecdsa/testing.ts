import { arena, Bytes } from "../bytes";
import { Curve, EcdsaPublicKey } from ".";

// Flat functions for ecdsa.test.ts.

let key: EcdsaPublicKey | null = null;

export function setKey(curve: i32, x: usize, xLength: i32, y: usize, yLength: i32): bool {
  arena.reset();
  key = EcdsaPublicKey.of(<Curve>curve, Bytes.view(x, xLength), Bytes.view(y, yLength));
  return key != null;
}

export function verify(message: usize, messageLength: i32, signature: usize, signatureLength: i32): bool {
  arena.reset();
  const made = key;
  return made != null && made.verify(Bytes.view(message, messageLength), Bytes.view(signature, signatureLength));
}

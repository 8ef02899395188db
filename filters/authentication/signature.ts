import { Algorithm, ecSignature, Family, familyOf, hashOf, JsonWebKey } from "../lib/jwk";
import { hashLength } from "../lib/sha2";
import { arena, Bytes, callForeignFunction, copyBytes, Text } from "../sdk";

const VERIFY_SIGNATURE = Bytes.of("verify_signature");
const HASH_NAMES = Text.list("sha256 sha384 sha512");

/**
 * Whether `signature` is `key`'s of `message`. By the host where it can (RS and ES: about half the time of code of our own), else here: it lacks PSS,
 * EdDSA and HMAC, and hosts other than Envoy lack the function.
 */
export function verifySignature(key: JsonWebKey, algorithm: Algorithm, message: Bytes, signature: Bytes): bool {
  const family = familyOf(algorithm);
  const spki = key.spki;
  if (spki == null || (family != Family.RS && family != Family.ES)) return key.verify(algorithm, message, signature);
  let given = signature;
  if (family == Family.ES) {
    // The host takes DER, which would hide bytes too many or too few (RFC 7518, section 3.4).
    const half = algorithm == Algorithm.ES512 ? 66 : hashLength(hashOf(algorithm));
    if (signature.length != 2 * half) return false;
    given = ecSignature(signature);
  } else {
    const rsa = key.rsa;
    if (rsa == null || signature.length != (rsa.bits + 7) >> 3) return false;
  }
  const answer = callForeignFunction(VERIFY_SIGNATURE, verifyRequest(HASH_NAMES[hashOf(algorithm)].bytes, spki.bytes, given, message));
  if (answer == null) return key.verify(algorithm, message, signature);
  // VerifySignatureResult { bool result = 1; string error = 2 }: nothing but a bare true is one.
  return answer.length == 2 && load<u16>(answer.pointer) == 0x0108;
}

/** VerifySignatureArguments { hash_function = 1, public_key = 2, signature = 3, clear_text = 4 }. */
function verifyRequest(hash: Bytes, key: Bytes, signature: Bytes, message: Bytes): Bytes {
  const start = arena.allocate(<usize>(hash.length + key.length + signature.length + message.length + 24));
  let at = field(start, 1, hash);
  at = field(at, 2, key);
  at = field(at, 3, signature);
  at = field(at, 4, message);
  return Bytes.view(start, <i32>(at - start));
}

function field(pointer: usize, number: u8, value: Bytes): usize {
  let at = pointer;
  store<u8>(at++, (number << 3) | 2);
  let rest = <u32>value.length;
  for (; rest >= 0x80; rest >>= 7) store<u8>(at++, <u8>(rest | 0x80));
  store<u8>(at++, <u8>rest);
  copyBytes(at, value.pointer, <usize>value.length);
  return at + <usize>value.length;
}

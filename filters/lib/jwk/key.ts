import { decodeBase64Url } from "../base64";
import { Bytes, Text } from "../bytes";
import { Curve, EcdsaPublicKey } from "../ecdsa";
import { Ed25519PublicKey } from "../eddsa";
import { hmacEquals } from "../hmac";
import { JsonKind, JsonValue } from "../json";
import { RsaPublicKey } from "../rsa";
import { Hash, hashLength } from "../sha2";
import { Algorithm, Family, familyOf, hashOf, parseAlgorithm } from "./algorithm";
import { ecPublicKeyInfo, rsaPublicKeyInfo } from "./spki";

/** A key that verifies (RFC 7517), and for which algorithms. Made at configuration time or when a key set arrives. */
@final
export class JsonWebKey {
  /** Of its family and size, narrowed by `alg`: bit n for {@link Algorithm} n. */
  algorithms: u32 = 0;
  kid: Text | null = null;
  /** SubjectPublicKeyInfo, for hosts that verify; `null` for keys of HMAC and EdDSA. */
  spki: Text | null = null;
  rsa: RsaPublicKey | null = null;
  ecdsa: EcdsaPublicKey | null = null;
  ed25519: Ed25519PublicKey | null = null;
  secret: Text | null = null;

  /** Whether the key may be used for `algorithm`: never one of another family, so that no public key is taken for a secret. */
  @inline
  allows(algorithm: Algorithm): bool {
    return ((this.algorithms >> (<u32>algorithm)) & 1) != 0;
  }

  /** Whether `signature` is this key's of `message`. `algorithm` must be one that it {@link allows}. */
  verify(algorithm: Algorithm, message: Bytes, signature: Bytes): bool {
    const hash = hashOf(algorithm);
    const family = familyOf(algorithm);
    const rsa = this.rsa;
    if (family == Family.RS) return rsa != null && rsa.verifyPkcs1(hash, message, signature);
    if (family == Family.PS) return rsa != null && rsa.verifyPss(hash, message, signature);
    const secret = this.secret;
    if (family == Family.HS) return secret != null && hmacEquals(hash, secret.bytes, message, signature);
    const ecdsa = this.ecdsa;
    if (family == Family.ES) return ecdsa != null && ecdsa.verify(message, signature);
    const ed25519 = this.ed25519;
    return family == Family.EdDSA && ed25519 != null && ed25519.verify(message, signature);
  }
}

const NAMES = Text.list("kty use key_ops alg kid crv n e x y k verify sig RSA EC OKP oct Ed25519 P-256 P-384 P-521");
const KTY = 0;
const USE = 1;
const KEY_OPS = 2;
const ALG = 3;
const KID = 4;
const CRV = 5;
const N = 6;
const E = 7;
const X = 8;
const Y = 9;
const K = 10;
const VERIFY = 11;
const SIG = 12;
const RSA = 13;
const EC = 14;
const OKP = 15;
const OCT = 16;
const ED25519 = 17;
const P_256 = 18;
const P_384 = 19;
const P_521 = 20;

function nameOf(index: i32): Bytes {
  return unchecked(NAMES[index]).bytes;
}

function is(text: Bytes, name: i32): bool {
  return text.equals(nameOf(name));
}

let problem: string = "";

/** Why the last {@link parseKey} returned `null`. */
export function keyProblem(): string {
  return problem;
}

function unusable(reason: string): JsonWebKey | null {
  problem = reason;
  return null;
}

/** Reads one JWK. `null` where it cannot verify signatures: wrong use, unknown or weak, or not well-formed. */
export function parseKey(json: JsonValue): JsonWebKey | null {
  if (json.kind != JsonKind.Object) return unusable("a key is no object");
  const kty = textMember(json, KTY);
  if (kty == null) return unusable("`kty` is missing or no string");
  if (!allowsVerification(json)) return unusable("`use` or `key_ops` does not allow it to verify signatures");
  const key = new JsonWebKey();
  const kid = json.member(nameOf(KID));
  if (kid != null) {
    if (kid.kind != JsonKind.String) return unusable("`kid` is no string");
    key.kid = Text.from(kid.text);
  }
  let complete = false;
  if (is(kty, RSA)) complete = readRsa(json, key);
  else if (is(kty, EC)) complete = readEc(json, key);
  else if (is(kty, OKP)) complete = readOkp(json, key);
  else if (is(kty, OCT)) complete = readOct(json, key);
  else problem = "its `kty` is not known";
  if (!complete) return null;
  const alg = json.member(nameOf(ALG));
  if (alg != null) {
    const algorithm = alg.kind == JsonKind.String ? parseAlgorithm(alg.text) : Algorithm.Unknown;
    if (algorithm == Algorithm.Unknown || !key.allows(algorithm)) return unusable("its `alg` is not known or not for such a key");
    key.algorithms = 1 << (<u32>algorithm);
  }
  return key;
}

/** RFC 7517, sections 4.2 and 4.3: each restricts where it is there. */
function allowsVerification(json: JsonValue): bool {
  const use = json.member(nameOf(USE));
  if (use != null && (use.kind != JsonKind.String || !is(use.text, SIG))) return false;
  const operations = json.member(nameOf(KEY_OPS));
  if (operations == null) return true;
  if (operations.kind != JsonKind.Array) return false;
  let operation = operations.first;
  while (operation != null) {
    if (operation.kind == JsonKind.String && is(operation.text, VERIFY)) return true;
    operation = operation.next;
  }
  return false;
}

function readRsa(json: JsonValue, key: JsonWebKey): bool {
  const modulus = binaryMember(json, N);
  const exponent = binaryMember(json, E);
  problem = "`n` or `e` is missing or no base64url";
  if (modulus == null || exponent == null) return false;
  const rsa = RsaPublicKey.of(modulus, exponent);
  problem = "its modulus is not from 2048 to 8192 bits, or its exponent is no odd number from 3 to 2^33";
  if (rsa == null) return false;
  key.rsa = rsa;
  key.spki = rsaPublicKeyInfo(modulus, exponent);
  key.algorithms = 0x3f;
  return true;
}

function readEc(json: JsonValue, key: JsonWebKey): bool {
  const crv = textMember(json, CRV);
  const x = binaryMember(json, X);
  const y = binaryMember(json, Y);
  problem = "`crv`, `x` or `y` is missing or malformed";
  if (crv == null || x == null || y == null) return false;
  const curve = is(crv, P_256) ? 0 : is(crv, P_384) ? 1 : is(crv, P_521) ? 2 : -1;
  problem = "its `crv` is not known";
  if (curve < 0) return false;
  const ecdsa = EcdsaPublicKey.of(<Curve>curve, x, y);
  problem = "`x` and `y` are no point of its curve, of the full length of its coordinates";
  if (ecdsa == null) return false;
  key.ecdsa = ecdsa;
  key.spki = ecPublicKeyInfo(x, y);
  key.algorithms = 1 << (<u32>Algorithm.ES256 + <u32>curve);
  return true;
}

function readOkp(json: JsonValue, key: JsonWebKey): bool {
  const crv = textMember(json, CRV);
  const x = binaryMember(json, X);
  problem = "its `crv` is not Ed25519, or `x` is missing or malformed";
  if (crv == null || x == null || !is(crv, ED25519)) return false;
  const ed25519 = Ed25519PublicKey.of(x);
  problem = "`x` is no point of Ed25519";
  if (ed25519 == null) return false;
  key.ed25519 = ed25519;
  key.algorithms = 1 << (<u32>Algorithm.EdDSA);
  return true;
}

/** RFC 7518, section 3.2: a key of at least as many bytes as the hash has. */
function readOct(json: JsonValue, key: JsonWebKey): bool {
  const secret = binaryMember(json, K);
  problem = "`k` is missing, malformed or shorter than 32 bytes";
  if (secret == null || secret.length < hashLength(Hash.Sha256)) return false;
  key.secret = Text.from(secret);
  key.algorithms = 1 << (<u32>Algorithm.HS256);
  if (secret.length >= hashLength(Hash.Sha384)) key.algorithms |= 1 << (<u32>Algorithm.HS384);
  if (secret.length >= hashLength(Hash.Sha512)) key.algorithms |= 1 << (<u32>Algorithm.HS512);
  return true;
}

function textMember(json: JsonValue, name: i32): Bytes | null {
  const member = json.member(nameOf(name));
  return member != null && member.kind == JsonKind.String ? member.text : null;
}

function binaryMember(json: JsonValue, name: i32): Bytes | null {
  const text = textMember(json, name);
  return text != null ? decodeBase64Url(text) : null;
}

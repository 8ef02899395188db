import { createPublicKey, type JsonWebKey } from "node:crypto";

// What the filter `authentication` makes of a key set (filters/lib/jwk), told where the set is written: a filter that refuses one refuses its whole configuration.

const MOST_BYTES = 256 * 1024;
const MOST_KEYS = 256;
const COORDINATE_BYTES: Readonly<Record<string, number>> = { "P-256": 32, "P-384": 48, "P-521": 66 };
const ES_OF_CURVE: Readonly<Record<string, string>> = { "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" };
const RSA_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

/** What is wrong with the text of a JWK Set. One key that can verify signatures is enough, as others are left out (RFC 7517, section 5). */
export function wrongKeySet(text: string): string | undefined {
  if (Buffer.byteLength(text) > MOST_BYTES) return `a key set of more than ${MOST_BYTES} bytes`;
  const keys = keysOf(text);
  if (typeof keys === "string") return keys;
  if (keys.length > MOST_KEYS) return `a key set of more than ${MOST_KEYS} keys`;
  const problems = keys.map(wrongKey);
  if (problems.includes(undefined)) return undefined;
  return problems.length === 0
    ? "a key set without keys"
    : `has no key that can verify signatures: of the last one, ${problems.at(-1) ?? ""}`;
}

/** The same set with those keys that can verify, and with nothing that two readers of JSON could read in two ways. @param text that `wrongKeySet` finds nothing wrong with */
export function usableKeySet(text: string): string {
  const keys = keysOf(text);
  return JSON.stringify({ keys: typeof keys === "string" ? [] : keys.filter((key) => wrongKey(key) === undefined) });
}

function keysOf(text: string): readonly unknown[] | string {
  try {
    const set = JSON.parse(text) as unknown;
    const keys = typeof set === "object" && set !== null && "keys" in set ? set.keys : undefined;
    return Array.isArray(keys) ? (keys as unknown[]) : "is no key set: `keys` is missing or no list";
  } catch (error) {
    return `is no JSON: ${(error as Error).message}`;
  }
}

type Key = Readonly<Record<string, unknown>>;

function wrongKey(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "it is no object";
  const key = value as Key;
  const { kty, kid, use, key_ops: operations, alg } = key;
  if (typeof kty !== "string") return "`kty` is missing or no string";
  const verifies =
    (use === undefined || use === "sig") && (operations === undefined || (Array.isArray(operations) && operations.includes("verify")));
  if (!verifies) return "`use` or `key_ops` does not allow it to verify signatures";
  if (kid !== undefined && typeof kid !== "string") return "`kid` is no string";
  const algorithms = algorithmsOf(kty, key);
  if (typeof algorithms === "string") return algorithms;
  return alg === undefined || algorithms.includes(alg as string) ? undefined : "its `alg` is not known or not for such a key";
}

/** The algorithms that a key is for, by its type and size; a text says why it is for none. */
function algorithmsOf(kty: string, key: Key): readonly string[] | string {
  switch (kty) {
    case "RSA":
      return rsa(key);
    case "EC":
      return ec(key);
    case "OKP":
      return key["crv"] === "Ed25519" && bytesOf(key["x"])?.length === 32
        ? ["EdDSA"]
        : "its `crv` is not Ed25519, or `x` is missing or malformed";
    case "oct":
      return secret(key);
    default:
      return "its `kty` is not known";
  }
}

function rsa({ n, e }: Key): readonly string[] | string {
  const modulus = bytesOf(n);
  const exponent = bytesOf(e);
  if (modulus === undefined || exponent === undefined) return "`n` or `e` is missing or no base64url";
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  const value = exponent.length > 5 ? Infinity : exponent.reduce((sum, byte) => sum * 256 + byte, 0);
  const isOdd = ((modulus.at(-1) ?? 0) & (exponent.at(-1) ?? 0) & 1) === 1;
  const good = modulus[0] !== 0 && exponent[0] !== 0 && bits >= 2048 && modulus.length <= 1024 && isOdd && value >= 3 && value < 2 ** 33;
  return good ? RSA_ALGORITHMS : "its modulus is not from 2048 to 8192 bits, or its exponent is no odd number from 3 to 2^33";
}

function ec({ crv, x, y }: Key): readonly string[] | string {
  const length = typeof crv === "string" ? COORDINATE_BYTES[crv] : undefined;
  const algorithm = typeof crv === "string" ? ES_OF_CURVE[crv] : undefined;
  if (length === undefined || algorithm === undefined) return "its `crv` is missing or not known";
  const isPoint = bytesOf(x)?.length === length && bytesOf(y)?.length === length && isOnCurve({ kty: "EC", crv, x, y } as JsonWebKey);
  return isPoint ? [algorithm] : "`x` and `y` are no point of its curve, of the full length of its coordinates";
}

function isOnCurve(key: JsonWebKey): boolean {
  try {
    createPublicKey({ key, format: "jwk" });
    return true;
  } catch {
    return false;
  }
}

/** RFC 7518, section 3.2: a key of at least as many bytes as the hash has. */
function secret({ k }: Key): readonly string[] | string {
  const length = bytesOf(k)?.length ?? 0;
  if (length < 32) return "`k` is missing, malformed or shorter than 32 bytes";
  return ["HS256", ...(length >= 48 ? ["HS384"] : []), ...(length >= 64 ? ["HS512"] : [])];
}

/** What base64url stands for (RFC 7515, section 2): without padding, and with no bit left over. */
function bytesOf(text: unknown): Buffer | undefined {
  if (typeof text !== "string") return undefined;
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}

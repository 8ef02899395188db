import { constants, createHmac, createPublicKey, sign } from "node:crypto";
import { keySet, signingKey, type SigningKey } from "../../../filters/authentication/tokens.mts";

/** Of the table: one of each family. */
export const ALGORITHMS = ["RS256", "ES256", "PS256", "EdDSA", "HS256"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

export const ISSUER = "https://issuer.example.com";
export const AUDIENCE = "shop.example.com";
/** As the design's numbers ask for. */
export const TOKEN_LENGTH = 800;

/** Characters of the signature in base64url, with an RSA key of 2,048 bits. */
const SIGNATURE_LENGTH: Readonly<Record<Algorithm, number>> = { RS256: 342, PS256: 342, ES256: 86, EdDSA: 86, HS256: 43 };

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };

/** What an identity provider says about somebody; `jti` is added, and `sid` until the token is as long as it should be. */
const CLAIMS = {
  iss: ISSUER,
  sub: "f3a1c2d4-5b6e-4f70-8a9b-0c1d2e3f4a5b",
  aud: AUDIENCE,
  azp: "web",
  iat: 1_767_225_600,
  exp: 4_102_444_800,
  scope: "openid profile email",
  groups: ["staff"],
};

/** Keys, and tokens that they sign. With code of node:crypto, which signs at once: a run needs thousands. */
export class Issuer {
  /** The JWK Set. */
  readonly jwks: string;
  private readonly keys: ReadonlyMap<string, SigningKey>;

  private constructor(keys: readonly SigningKey[]) {
    this.keys = new Map(keys.map((key) => [key.alg, key]));
    this.jwks = keySet(...keys);
  }

  static async create(...algorithms: readonly Algorithm[]): Promise<Issuer> {
    return new Issuer(await Promise.all(algorithms.map((algorithm) => signingKey(algorithm, keyId(algorithm)))));
  }

  /** A token of {@link TOKEN_LENGTH} with `number` as its `jti`. */
  token(algorithm: Algorithm, number: number): string {
    const header = encode(headerOf(algorithm));
    const claims = { ...CLAIMS, jti: String(number).padStart(8, "0"), sid: "" };
    const left = Math.floor((room(algorithm, header) * 3) / 4) - JSON.stringify(claims).length;
    return this.signed(algorithm, `${header}.${encode({ ...claims, sid: "5a7e90c2d1b4f683".repeat(left).slice(0, left) })}`);
  }

  /** A token with claims of the caller besides an issuer; nothing is added to make it longer. */
  with(algorithm: Algorithm, claims: Readonly<Record<string, unknown>>): string {
    return this.signed(algorithm, `${encode(headerOf(algorithm))}.${encode({ iss: ISSUER, exp: CLAIMS.exp, ...claims })}`);
  }

  private signed(algorithm: Algorithm, text: string): string {
    return `${text}.${this.signature(algorithm, Buffer.from(text)).toString("base64url")}`;
  }

  private signature(algorithm: Algorithm, text: Buffer): Buffer {
    const key = this.keyOf(algorithm).privateKey;
    if (key instanceof Uint8Array) return createHmac("sha256", key).update(text).digest();
    if (algorithm === "EdDSA") return sign(null, text, key);
    return sign("sha256", text, algorithm === "PS256" ? { key, ...PSS } : { key, dsaEncoding: "ieee-p1363" });
  }

  /** What a filter hands to Envoy's `verify_signature` to verify such a token: `VerifySignatureArguments` of its `verify_signature.proto`. */
  verification(algorithm: "RS256" | "ES256"): Uint8Array {
    const key = this.keyOf(algorithm).privateKey;
    if (key instanceof Uint8Array) throw new RangeError(`${algorithm} has a public key`);
    const token = this.token(algorithm, 0);
    const text = Buffer.from(token.slice(0, token.lastIndexOf(".")));
    // In DER, as OpenSSL has it.
    const parts = [Buffer.from("sha256"), createPublicKey(key).export({ type: "spki", format: "der" }), sign("sha256", text, key), text];
    return Buffer.concat(parts.flatMap((part, i) => [Buffer.from([((i + 1) << 3) | 2]), length(part.length), part]));
  }

  private keyOf(algorithm: Algorithm): SigningKey {
    const key = this.keys.get(algorithm);
    if (key === undefined) throw new RangeError(`there is no key for ${algorithm}`);
    return key;
  }
}

function headerOf(algorithm: Algorithm): Readonly<Record<string, string>> {
  return { alg: algorithm, kid: keyId(algorithm), typ: "JWT" };
}

/** Characters for the payload. */
function room(algorithm: Algorithm, header: string): number {
  return TOKEN_LENGTH - SIGNATURE_LENGTH[algorithm] - header.length - 2;
}

/** Such that the payload can have the length that it should have: no base64 is one character longer than a multiple of four. */
function keyId(algorithm: Algorithm): string {
  const candidates = [algorithm, `${algorithm}-`, `${algorithm}-1`];
  return candidates.find((kid) => room(algorithm, encode({ alg: algorithm, kid, typ: "JWT" })) % 4 !== 1) ?? algorithm;
}

/** A varint below 2^14. */
function length(value: number): Buffer {
  return value < 0x80 ? Buffer.from([value]) : Buffer.from([(value & 0x7f) | 0x80, value >> 7]);
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

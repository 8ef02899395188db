import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { exportJWK, type JWK, SignJWT } from "jose";
import { RSA_PRIVATE_KEY } from "./rsa-keys.mts";

/** Keys and tokens for the tests, signed by `jose`, which is no code of ours. */

export const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "HS256",
  "HS384",
  "HS512",
] as const;

export type SigningAlgorithm = (typeof ALGORITHMS)[number];

export interface SigningKey {
  readonly alg: SigningAlgorithm;
  readonly privateKey: KeyObject | Uint8Array;
  /** The public half, or the secret, as a key set has it. */
  readonly jwk: JWK;
}

const privateKey = createPrivateKey({ key: RSA_PRIVATE_KEY, format: "jwk" });
const rsa = { privateKey, publicKey: createPublicKey(privateKey) };

/** A key for `alg`; all of RSA share one. */
export async function signingKey(alg: SigningAlgorithm, kid: string = alg): Promise<SigningKey> {
  if (alg.startsWith("HS")) {
    const secret = new Uint8Array(64).map((_, index) => index * 3 + 1);
    return { alg, privateKey: secret, jwk: { kty: "oct", k: Buffer.from(secret).toString("base64url"), kid, alg } };
  }
  const pair = alg.startsWith("E") ? ellipticKeys(alg) : rsa;
  return { alg, privateKey: pair.privateKey, jwk: { ...(await exportJWK(pair.publicKey)), kid, alg } };
}

function ellipticKeys(alg: SigningAlgorithm): { publicKey: KeyObject; privateKey: KeyObject } {
  if (alg === "EdDSA") return generateKeyPairSync("ed25519");
  return generateKeyPairSync("ec", { namedCurve: { ES384: "P-384", ES512: "P-521" }[alg as string] ?? "P-256" });
}

export const ISSUER = "https://issuer.example.com";

/** Far enough away for every clock of the tests. */
export const FUTURE = 4_102_444_800;

/** A signed token with `claims` besides an issuer and a subject. */
export async function sign(key: SigningKey, claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}): Promise<string> {
  return new SignJWT({ iss: ISSUER, sub: "ann", exp: FUTURE, ...claims })
    .setProtectedHeader({ alg: key.alg, kid: key.jwk.kid ?? "", ...header })
    .sign(key.privateKey);
}

/** A key set as a configuration has it: JSON in a string. */
export const keySet = (...keys: readonly SigningKey[]): string => JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });

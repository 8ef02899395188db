import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** `mwj_`, then an id that is no secret, then 256 random bits in base64url. The beginning lets scanners of repositories find tokens that were committed. */
const TOKEN = /^mwj_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** Whether a bearer token is meant to be one of these, whatever it is worth. */
export function isJoinToken(text: string): boolean {
  return text.startsWith("mwj_");
}

export function newToken(): { readonly id: string; readonly text: string; readonly hash: string } {
  const id = randomBytes(8).toString("hex");
  const secret = randomBytes(32).toString("base64url");
  return { id, text: `mwj_${id}_${secret}`, hash: hashOf(secret) };
}

export function readToken(text: string): { readonly id: string; readonly secret: string } | undefined {
  const match = TOKEN.exec(text);
  if (match === null) return undefined;
  const [, id = "", secret = ""] = match;
  return { id, secret };
}

/** Of a secret that is random by itself; one pass is enough where there is nothing to guess. Hexadecimal. */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Takes as long whether they differ in the first byte or the last. */
export function sameHash(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a, "hex"), Buffer.from(b, "hex")];
  return left.length === right.length && timingSafeEqual(left, right);
}

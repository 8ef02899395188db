import type { KeyObject } from "node:crypto";
import { IdentityError, type IdentityErrorCode } from "../identity-error.ts";

const CURVES: ReadonlyMap<string, string> = new Map([
  ["prime256v1", "P-256"],
  ["secp384r1", "P-384"],
]);
/** Below it is weak (NIST SP 800-57, 5.6.1.1); above it costs every handshake more than it brings. */
const RSA = { least: 2048, most: 8192, exponent: 65537n };

/**
 * Requires a key that others can rely on: ECDSA on P-256 or P-384, or RSA of 2048 bits at least.
 *
 * @throws IdentityError of `code`
 */
export function requireGoodKey(key: KeyObject, code: IdentityErrorCode, what: string): void {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key;
  if (type === "ec") {
    if (CURVES.has(details.namedCurve ?? "")) return;
    throw new IdentityError(code, `${what} is on the curve ${details.namedCurve ?? "of its own"}; P-256 and P-384 are taken`);
  }
  if (type !== "rsa")
    throw new IdentityError(
      code,
      `${what} is of type ${type ?? "unknown"}; ECDSA on P-256 or P-384 and RSA of ${RSA.least} bits are taken`,
    );
  const { modulusLength = 0, publicExponent = 0n } = details;
  if (modulusLength < RSA.least || modulusLength > RSA.most)
    throw new IdentityError(code, `${what} is RSA of ${modulusLength} bits; ${RSA.least} to ${RSA.most} are taken`);
  if (publicExponent < RSA.exponent || publicExponent % 2n === 0n)
    throw new IdentityError(code, `${what} is RSA with the exponent ${publicExponent}; 65537 is the usual one`);
}

/** `P-256`, `RSA 2048`: for people. */
export function describeKey({ asymmetricKeyType: type, asymmetricKeyDetails: details = {} }: KeyObject): string {
  if (type === "ec") return CURVES.get(details.namedCurve ?? "") ?? details.namedCurve ?? "an unnamed curve";
  return type === "rsa" ? `RSA ${details.modulusLength}` : (type ?? "unknown");
}

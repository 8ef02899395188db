import { createPrivateKey, createPublicKey, sign as signBytes, verify, type KeyObject } from "node:crypto";
import { Status } from "../abi/enums.ts";
import type { ForeignFunction, ForeignResult } from "./foreign-function.ts";
import { bytesField, readMessage, textField, writeMessage, type FieldValue } from "./protobuf.ts";

// What BoringSSL's digests are called in Envoy's Crypto::Utility (`getHashFunction`).
const HASHES = new Set(["sha1", "sha224", "sha256", "sha384", "sha512"]);

const BAD_ARGUMENT: ForeignResult = { status: Status.BadArgument, results: new Uint8Array(0) };

/**
 * `verify_signature` `{1 hash, 2 key as DER SPKI, 3 signature, 4 text, 5 key as PEM}`: the result's field 1 is true for a good signature,
 * else field 2 says why. RSA is PKCS#1 v1.5, ECDSA takes DER signatures; there is no PSS, Ed25519 or HMAC, as in Envoy.
 */
export const verifySignature: ForeignFunction = (_vm, parameters) => {
  const fields = readMessage(parameters);
  const key = fields && readKey(fields, 2, 5, (input) => createPublicKey(input));
  if (fields === undefined || key === undefined) return BAD_ARGUMENT;
  const hash = textField(fields, 1).toLowerCase();
  if (!HASHES.has(hash))
    return result([
      [1, false],
      [2, `${textField(fields, 1)} is not supported.`],
    ]);
  if (key.asymmetricKeyType !== "rsa" && key.asymmetricKeyType !== "ec")
    return result([
      [1, false],
      [2, "Failed to verify digest. Error code: 0"],
    ]);
  let good = false;
  try {
    good = verify(hash, bytesField(fields, 4), key, bytesField(fields, 3));
  } catch {
    good = false;
  }
  return result(
    good
      ? [[1, true]]
      : [
          [1, false],
          [2, "Failed to verify digest. Error code: 0"],
        ],
  );
};

/** `sign` `{1 hash, 2 key as PKCS#8, 3 text, 4 key as PEM}`: the result is `{1 true, 2 signature}`, else `{3 why}`. */
export const sign: ForeignFunction = (_vm, parameters) => {
  const fields = readMessage(parameters);
  const key = fields && readKey(fields, 2, 4, (input) => createPrivateKey(input));
  if (fields === undefined || key === undefined) return BAD_ARGUMENT;
  const hash = textField(fields, 1).toLowerCase();
  if (!HASHES.has(hash))
    return result([
      [1, false],
      [3, `${textField(fields, 1)} is not supported.`],
    ]);
  try {
    return result([
      [1, true],
      [2, signBytes(hash, bytesField(fields, 3), key)],
    ]);
  } catch (error) {
    return result([
      [1, false],
      [3, error instanceof Error ? error.message : String(error)],
    ]);
  }
};

function result(fields: Parameters<typeof writeMessage>[0]): ForeignResult {
  return { status: Status.Ok, results: writeMessage(fields) };
}

type KeyInput = string | { key: Buffer; format: "der"; type: "spki" & "pkcs8" };

/** One of DER and PEM, never both; `undefined` where it is none or cannot be read. */
function readKey(
  fields: ReadonlyMap<number, FieldValue>,
  derField: number,
  pemField: number,
  read: (input: KeyInput) => KeyObject,
): KeyObject | undefined {
  const der = bytesField(fields, derField);
  const pem = textField(fields, pemField);
  if ((der.length === 0) === (pem === "")) return undefined;
  const type = derField === 2 && pemField === 5 ? "spki" : "pkcs8";
  try {
    return read(pem === "" ? { key: Buffer.from(der), format: "der", type: type as "spki" & "pkcs8" } : pem);
  } catch {
    return undefined;
  }
}

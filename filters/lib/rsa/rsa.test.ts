import { constants, createPrivateKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

const HASHES = ["sha256", "sha384", "sha512"] as const;
type HashName = (typeof HASHES)[number];
type Scheme = "pkcs1" | "pss";
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

interface Key {
  readonly key: KeyObject;
  readonly modulus: Buffer;
  readonly exponent: Buffer;
}

const keys = new Map<string, Key>();
function keyOf(modulusLength: number, publicExponent = 65_537): Key {
  const name = `${modulusLength} ${publicExponent}`;
  const known = keys.get(name);
  if (known !== undefined) return known;
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength, publicExponent });
  const { n = "", e = "" } = privateKey.export({ format: "jwk" });
  const key = { key: privateKey, modulus: Buffer.from(n, "base64url"), exponent: Buffer.from(e, "base64url") };
  keys.set(name, key);
  return key;
}

function use({ modulus, exponent }: Pick<Key, "modulus" | "exponent">): number {
  return calls.number("setKey", latin1(modulus), latin1(exponent));
}

function signed(scheme: Scheme, hash: HashName, { key }: Key, message: string, saltLength = constants.RSA_PSS_SALTLEN_DIGEST): Buffer {
  const padding = scheme === "pss" ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  return sign(hash, Buffer.from(message, "latin1"), { key, padding, ...(scheme === "pss" && { saltLength }) });
}

const verify = (scheme: Scheme, hash: HashName, message: string, signature: Uint8Array) =>
  calls.bool("verify", scheme === "pss" ? 1 : 0, HASHES.indexOf(hash), message, latin1(signature));

describe.each(["pkcs1", "pss"] as const)("%s, with node:crypto as the signer", (scheme) => {
  test.each([2_048, 2_050, 2_054, 2_056, 3_072, 4_096])("a key of %i bits, with every hash", (bits) => {
    const key = keyOf(bits);
    expect(use(key)).toBe(bits);
    for (const hash of HASHES) {
      for (const message of ["", "a", "message".repeat(100)]) {
        const signature = signed(scheme, hash, key, message);
        expect(verify(scheme, hash, message, signature)).toBe(true);
        expect(verify(scheme, hash, `${message}!`, signature)).toBe(false);
        for (const other of HASHES) expect(verify(scheme, other, message, signature)).toBe(other === hash);
        expect(verify(scheme === "pss" ? "pkcs1" : "pss", hash, message, signature)).toBe(false);
      }
    }
  });

  test.each([3, 17, 65_537])("the exponent %i", (exponent) => {
    const key = keyOf(2_048, exponent);
    use(key);
    expect(verify(scheme, "sha256", "message", signed(scheme, "sha256", key, "message"))).toBe(true);
  });

  test("a signature that is changed anywhere, cut, longer, zero or not below the modulus is none", () => {
    const key = keyOf(2_048);
    use(key);
    const signature = signed(scheme, "sha256", key, "message");
    fc.assert(
      fc.property(fc.nat(signature.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const wrong = Buffer.from(signature);
        wrong[at] = (wrong[at] ?? 0) ^ change;
        expect(verify(scheme, "sha256", "message", wrong)).toBe(false);
      }),
      { numRuns: 150 },
    );
    const number = BigInt(`0x${signature.toString("hex")}`) + BigInt(`0x${key.modulus.toString("hex")}`);
    const above = Buffer.from(number.toString(16).padStart(514, "0").slice(-512), "hex");
    for (const wrong of [
      Buffer.alloc(0),
      signature.subarray(1),
      signature.subarray(0, -1),
      Buffer.concat([Buffer.alloc(1), signature]),
      Buffer.alloc(256),
      Buffer.alloc(256, 0xff),
      key.modulus,
      above,
    ])
      expect(verify(scheme, "sha256", "message", wrong)).toBe(false);
  });

  test("another key's signature is none", () => {
    const signature = signed(scheme, "sha256", keyOf(2_048), "message");
    use(keyOf(2_048, 3));
    expect(verify(scheme, "sha256", "message", signature)).toBe(false);
  });
});

describe("PSS", () => {
  test.each([0, 20, 31, 33, 64])("a salt of %i bytes instead of 32 is refused (RFC 7518, section 3.5)", (salt) => {
    const key = keyOf(2_048);
    use(key);
    expect(verify("pss", "sha256", "message", signed("pss", "sha256", key, "message", salt))).toBe(false);
  });
});

describe("PKCS1", () => {
  /** What the private key makes of any encoding, rightly padded or not. */
  function raw(key: Key, encoded: Buffer): Buffer {
    const { n = "", d = "" } = createPrivateKey({ key: key.key.export({ format: "pem", type: "pkcs8" }), format: "pem" }).export({
      format: "jwk",
    });
    const modulus = BigInt(`0x${Buffer.from(n, "base64url").toString("hex")}`);
    let exponent = BigInt(`0x${Buffer.from(d, "base64url").toString("hex")}`);
    let base = BigInt(`0x${encoded.toString("hex")}`);
    let result = 1n;
    for (; exponent > 0n; exponent >>= 1n) {
      if ((exponent & 1n) === 1n) result = (result * base) % modulus;
      base = (base * base) % modulus;
    }
    return Buffer.from(result.toString(16).padStart(512, "0"), "hex");
  }

  const info = Buffer.from("3031300d060960864801650304020105000420", "hex");
  const digest = Buffer.from("ab530a13e45914982b79f9b7e3fba994cfd1f3fb22f71cea1afbf02b460c6d1d", "hex");

  test.each([
    ["the right one", Buffer.concat([Buffer.from([0, 1]), Buffer.alloc(202, 0xff), Buffer.from([0]), info, digest]), true],
    ["block type 2", Buffer.concat([Buffer.from([0, 2]), Buffer.alloc(202, 0xff), Buffer.from([0]), info, digest]), false],
    [
      "padding that is not all ones",
      Buffer.concat([Buffer.from([0, 1]), Buffer.alloc(201, 0xff), Buffer.from([0x7f, 0]), info, digest]),
      false,
    ],
    [
      "short padding with garbage behind the digest (CVE-2006-4339)",
      Buffer.concat([Buffer.from([0, 1]), Buffer.alloc(8, 0xff), Buffer.from([0]), info, digest, Buffer.alloc(194)]),
      false,
    ],
    [
      "no parameters in the algorithm",
      Buffer.concat([
        Buffer.from([0, 1]),
        Buffer.alloc(204, 0xff),
        Buffer.from([0]),
        Buffer.from("302f300b0609608648016503040201" + "0420", "hex"),
        digest,
      ]),
      false,
    ],
    ["no separator", Buffer.concat([Buffer.from([0, 1]), Buffer.alloc(203, 0xff), info, digest]), false],
  ])("%s", (_, encoded, expected) => {
    const key = keyOf(2_048);
    use(key);
    expect(encoded).toHaveLength(256);
    expect(verify("pkcs1", "sha256", "message", raw(key, encoded))).toBe(expected);
  });
});

describe("keys that are refused", () => {
  const odd = Buffer.alloc(256, 0xff);
  const f4 = Buffer.from([1, 0, 1]);
  test.each([
    ["no modulus", Buffer.alloc(0), f4],
    ["2,047 bits", Buffer.concat([Buffer.from([0x7f]), odd.subarray(1)]), f4],
    ["1,024 bits", odd.subarray(128), f4],
    ["8,200 bits", Buffer.alloc(1_025, 0xff), f4],
    ["an even modulus", Buffer.concat([odd.subarray(1), Buffer.from([0xfe])]), f4],
    ["a leading zero", Buffer.concat([Buffer.alloc(1), odd]), f4],
    ["no exponent", odd, Buffer.alloc(0)],
    ["the exponent 1", odd, Buffer.from([1])],
    ["an even exponent", odd, Buffer.from([2])],
    ["an exponent with a leading zero", odd, Buffer.from([0, 3])],
    ["an exponent of 34 bits", odd, Buffer.from([2, 0, 0, 0, 1])],
    ["an exponent of 6 bytes", odd, Buffer.from([1, 0, 0, 0, 0, 1])],
  ])("%s", (_, modulus, exponent) => {
    expect(use({ modulus, exponent })).toBe(0);
    expect(verify("pkcs1", "sha256", "message", Buffer.alloc(256, 1))).toBe(false);
  });
});

test("nothing is allocated", () => {
  const key = keyOf(2_048);
  use(key);
  const signature = latin1(signed("pss", "sha256", key, "message"));
  expect(calls.bool("verify", 1, 0, "message", signature)).toBe(true);
  // The arena of so many verifications would fill gigabytes if it stayed.
  for (let i = 0; i < 300; i++) calls.bool("verify", 1, 0, "message", signature);
});

import { createPublicKey, generateKeyPairSync, sign, verify as verifyByNode } from "node:crypto";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const setKey = (x: Uint8Array) => calls.bool("setKey", latin1(x));
const verify = (message: Uint8Array, signature: Uint8Array) => calls.bool("verify", latin1(message), latin1(signature));
const hex = (text: string) => Buffer.from(text, "hex");

/** The order of the base point. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const littleEndian = (number: bigint) => hex(number.toString(16).padStart(64, "0")).reverse();

describe("the tests of RFC 8032, section 7.1", () => {
  test.each([
    [
      "1",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
      "2",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
      "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
      "3",
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
      "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
  ])("%s", (_, key, message, signature) => {
    expect(setKey(hex(key))).toBe(true);
    expect(verify(hex(message), hex(signature))).toBe(true);
    expect(verify(Buffer.concat([hex(message), Buffer.alloc(1)]), hex(signature))).toBe(false);
  });
});

test("the example of RFC 8037, appendix A.4", () => {
  expect(setKey(Buffer.from("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "base64url"))).toBe(true);
  const signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
  expect(verify(Buffer.from("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"), Buffer.from(signature, "base64url"))).toBe(true);
});

describe("with node:crypto as the oracle", () => {
  const pairs = Array.from({ length: 8 }, () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    return { privateKey, publicKey, x: Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url") };
  });

  test("any message", () => {
    fc.assert(
      fc.property(fc.constantFrom(...pairs), fc.uint8Array({ maxLength: 300, size: "max" }), ({ privateKey, x }, message) => {
        expect(setKey(x)).toBe(true);
        const signature = sign(null, message, privateKey);
        expect(verify(message, signature)).toBe(true);
        expect(verify(Buffer.concat([message, Buffer.from("x")]), signature)).toBe(false);
      }),
      { numRuns: 100 },
    );
  });

  test("a signature that is changed anywhere is none", () => {
    const [{ privateKey, x } = pairs[0] ?? expect.fail("no key")] = pairs;
    setKey(x);
    const message = Buffer.from("message");
    const signature = sign(null, message, privateKey);
    for (let bit = 0; bit < 512; bit += 3) {
      const wrong = Buffer.from(signature);
      wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verify(message, wrong)).toBe(false);
    }
    for (const wrong of [Buffer.alloc(0), signature.subarray(1), Buffer.concat([signature, Buffer.alloc(1)]), Buffer.alloc(64)])
      expect(verify(message, wrong)).toBe(false);
  });

  test("S plus the order, which would be the same signature again, is none", () => {
    const [{ privateKey, x } = pairs[0] ?? expect.fail("no key")] = pairs;
    setKey(x);
    const message = Buffer.from("message");
    const signature = sign(null, message, privateKey);
    const scalar = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`);
    expect(verify(message, Buffer.concat([signature.subarray(0, 32), littleEndian(scalar)]))).toBe(true);
    expect(verify(message, Buffer.concat([signature.subarray(0, 32), littleEndian(scalar + ORDER)]))).toBe(false);
    expect(verify(message, Buffer.concat([signature.subarray(0, 32), littleEndian(ORDER)]))).toBe(false);
  });

  test("keys of random bytes are points or none, as it says, and verify what it verifies", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ minLength: 64, maxLength: 64 }), (x, signature) => {
        const point = setKey(x);
        const message = Buffer.from("message");
        const jwk = { kty: "OKP", crv: "Ed25519", x: Buffer.from(x).toString("base64url") };
        const oracle = verifyByNode(null, message, createPublicKey({ key: jwk, format: "jwk" }), signature);
        expect(verify(message, signature)).toBe(point && oracle);
      }),
      { numRuns: 100 },
    );
  });
});

describe("keys that are refused", () => {
  test.each([
    ["too short", Buffer.alloc(31, 1)],
    ["too long", Buffer.alloc(33, 1)],
    ["no point of the curve", hex("0200000000000000000000000000000000000000000000000000000000000000")],
    ["y = p", littleEndian(2n ** 255n - 19n)],
    ["y = 2^255 - 1", littleEndian(2n ** 255n - 1n)],
    ["a negative 0", hex("0100000000000000000000000000000000000000000000000000000000000080")],
  ])("%s", (_, x) => {
    expect(setKey(x)).toBe(false);
    expect(verify(Buffer.from("message"), Buffer.alloc(64))).toBe(false);
  });
});

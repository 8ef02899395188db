import {
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
  verify as verifyByNode,
} from "node:crypto";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { SIGNED } from "../../authentication/rfc-examples.mts";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

const NAMES = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "HS256", "HS384", "HS512", "EdDSA"];
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
/** Reads a set and says which algorithms each of its keys is for. */
function readKeys(keys: readonly object[]): string[][] {
  const count = calls.number("read", Buffer.from(JSON.stringify({ keys })).toString("latin1"));
  return Array.from({ length: count }, (_, index) => {
    const bits = calls.number("algorithms", index);
    return NAMES.filter((__, number) => ((bits >> number) & 1) === 1);
  });
}
const problemOf = (text: string) => (calls.number("read", text), calls.text("problem"));

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const p521 = generateKeyPairSync("ec", { namedCurve: "P-521" });
const ed25519 = generateKeyPairSync("ed25519");
const jwk = (key: KeyObject): JsonWebKey => key.export({ format: "jwk" });
const secret = (length: number) => jwk(createSecretKey(Buffer.alloc(length, 7)));
const ALL_RSA = NAMES.slice(0, 6);

describe("the examples of the RFCs", () => {
  test.each(SIGNED)("%s, %s", (_, alg, key, message, signature) => {
    readKeys([key]);
    const number = calls.number("algorithmOf", alg);
    const bytes = Buffer.from(signature, "base64url");
    expect(calls.bool("verify", 0, number, message, latin1(bytes))).toBe(true);
    expect(calls.bool("verify", 0, number, `${message}x`, latin1(bytes))).toBe(false);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    expect(calls.bool("verify", 0, number, message, latin1(bytes))).toBe(false);
  });

  test("RFC 7517, A.1: the key for encryption is left out, the other one is for its alg alone", () => {
    const keys = [
      {
        kty: "EC",
        crv: "P-256",
        x: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        use: "enc",
        kid: "1",
      },
      { ...jwk(rsa.publicKey), alg: "RS256", kid: "2011-04-29" },
    ];
    expect(readKeys(keys)).toEqual([["RS256"]]);
    expect(calls.text("kid", 0)).toBe("2011-04-29");
  });

  test("RFC 7517, A.3: the key that wraps keys is left out", () => {
    const keys = [
      { kty: "oct", alg: "A128KW", k: "GawgguFyGrWKav7AX4VKUg" },
      {
        kty: "oct",
        k: "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        kid: "HMAC key used in JWS spec Appendix A.1 example",
      },
    ];
    expect(readKeys(keys)).toEqual([["HS256", "HS384", "HS512"]]);
  });
});

describe("a key is for the algorithms of", () => {
  test.each<[string, () => object, string[]]>([
    ["its type: RSA", () => jwk(rsa.publicKey), ALL_RSA],
    ["its curve: P-256", () => jwk(p256.publicKey), ["ES256"]],
    ["its curve: P-384", () => jwk(p384.publicKey), ["ES384"]],
    ["its curve: P-521", () => jwk(p521.publicKey), ["ES512"]],
    ["its curve: Ed25519", () => jwk(ed25519.publicKey), ["EdDSA"]],
    ["its length: 64 bytes", () => secret(64), ["HS256", "HS384", "HS512"]],
    ["its length: 48 bytes", () => secret(48), ["HS256", "HS384"]],
    ["its length: 32 bytes", () => secret(32), ["HS256"]],
    ["its alg", () => ({ ...jwk(rsa.publicKey), alg: "PS384" }), ["PS384"]],
    ["its key_ops, where verify is one", () => ({ ...jwk(rsa.publicKey), key_ops: ["encrypt", "verify"] }), ALL_RSA],
    ["its use, where that is sig", () => ({ ...jwk(rsa.publicKey), use: "sig" }), ALL_RSA],
    // RFC 7517, section 4: what is not understood is ignored; a private half is neither needed nor kept.
    ["its public half alone", () => ({ ...jwk(p256.privateKey), x5c: ["x"], ext: true }), ["ES256"]],
  ])("%s", (_, key, expected) => {
    expect(readKeys([key()])).toEqual([expected]);
  });

  test("names are compared with case, and no others are known", () => {
    for (const name of NAMES) expect(calls.number("algorithmOf", name), name).toBe(NAMES.indexOf(name));
    for (const name of [
      "",
      "none",
      "rs256",
      "RS25",
      "RS2566",
      "RS128",
      "AS256",
      "RS 256",
      "ES256K",
      "EDDSA",
      "eddsa",
      "EdDSa",
      "Ed25519",
      "HS257",
    ]) {
      expect(calls.number("algorithmOf", name), name).toBe(-1);
    }
  });
});

describe("SubjectPublicKeyInfo and DER are those of node:crypto", () => {
  test.each([
    ["RSA", rsa],
    ["P-256", p256],
    ["P-384", p384],
    ["P-521", p521],
  ] as const)("of %s", (_, { publicKey }) => {
    readKeys([jwk(publicKey)]);
    const exported = createPublicKey(publicKey.export({ type: "spki", format: "pem" })).export({ type: "spki", format: "der" });
    expect(calls.text("spki", 0)).toBe(latin1(exported));
  });

  test("secrets and keys of Ed25519 have none: no host verifies with them", () => {
    expect(readKeys([secret(32), jwk(ed25519.publicKey)])).toHaveLength(2);
    expect([calls.text("spki", 0), calls.text("spki", 1)]).toEqual([null, null]);
  });

  test.each([
    ["P-256", p256],
    ["P-384", p384],
    ["P-521", p521],
  ] as const)("signatures of %s, whatever r and s begin with", (_, { privateKey, publicKey }) => {
    const message = Buffer.from("message");
    for (let i = 0; i < 200; i++) {
      const raw = sign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" });
      const der = Buffer.from(calls.text("derOf", latin1(raw)) ?? "", "latin1");
      expect(verifyByNode("sha256", message, { key: publicKey, dsaEncoding: "der" }, der)).toBe(true);
    }
  });

  test("r and s of 0 and of all ones", () => {
    const hex = (raw: Buffer) => Buffer.from(calls.text("derOf", latin1(raw)) ?? "", "latin1").toString("hex");
    expect(hex(Buffer.alloc(64))).toBe("3006020100020100");
    expect(hex(Buffer.alloc(4, 0xff))).toBe("300a020300ffff020300ffff");
  });
});

describe("key sets that are none", () => {
  test.each([
    ["", "no JSON: "],
    ["{", "no JSON: "],
    ["[]", "no key set: `keys` is missing or no list"],
    ["{}", "no key set: `keys` is missing or no list"],
    ['{"keys":{}}', "no key set: `keys` is missing or no list"],
    ['{"keys":[]}', "a key set without keys"],
    ['{"keys":[],"keys":[]}', "no JSON: "],
    ['{"keys":[1]}', "a key is no object"],
    ['{"keys":[{}]}', "`kty` is missing or no string"],
    ['{"keys":[{"kty":"oct","k":"AAAA"}]}', "`k` is missing, malformed or shorter than 32 bytes"],
    [`{"keys":[${"[".repeat(20)}${"]".repeat(20)}]}`, "no JSON: "],
  ])("%s", (text, problem) => {
    expect(problemOf(text)).toContain(problem);
  });

  test("those over the limits", () => {
    const keys = (count: number) => JSON.stringify({ keys: Array.from({ length: count }, (_, i) => ({ ...secret(32), kid: `${i}` })) });
    expect(calls.number("read", keys(256))).toBe(256);
    expect(problemOf(keys(257))).toBe("a key set of more than 256 keys");
    expect(problemOf(`{"keys":[],"x":"${"x".repeat(256 * 1024)}"}`)).toBe("a key set of more than 262144 bytes");
  });

  test("one bad key does not spoil the others", () => {
    expect(readKeys([{ kty: "oct", k: "AAAA" }, jwk(p256.publicKey), { kty: 1 }])).toEqual([["ES256"]]);
    expect(calls.text("problem")).toBeNull();
  });
});

test("members of any kind are taken, or left out with a reason", () => {
  const value = fc.oneof(
    fc.constantFrom("RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "sig", "AQAB", "", "====", "x".repeat(90)),
    fc.jsonValue(),
  );
  const names = ["kty", "use", "key_ops", "alg", "kid", "crv", "n", "e", "x", "y", "k"] as const;
  const key = fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] });
  fc.assert(
    fc.property(fc.array(key, { maxLength: 4 }), (keys) => {
      const count = readKeys(keys).length;
      if (count === 0) expect(calls.text("problem")).toMatch(/\S/);
    }),
    { numRuns: 2_000 },
  );
});

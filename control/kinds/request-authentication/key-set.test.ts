import { createSecretKey, generateKeyPairSync, type JsonWebKey } from "node:crypto";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { loadAssembly } from "../../../filters/testing/assembly.ts";
import { ByteCalls } from "../../../filters/testing/byte-calls.ts";
import { usableKeySet, wrongKeySet } from "./key-set.ts";

// The filter's own reader of key sets is the judge.

let filter: ByteCalls;

beforeAll(async () => {
  filter = new ByteCalls(await loadAssembly(join(import.meta.dirname, "../../../filters/lib/jwk/testing.ts")));
});

/** How many keys the filter takes of a set, and what it says where it takes none. */
function taken(text: string): { readonly count: number; readonly problem: string | null } {
  const count = filter.number("read", Buffer.from(text).toString("latin1"));
  return { count, problem: filter.text("problem") };
}

const ec = (namedCurve: string): JsonWebKey => generateKeyPairSync("ec", { namedCurve }).publicKey.export({ format: "jwk" });
const rsa = (modulusLength: number): JsonWebKey => generateKeyPairSync("rsa", { modulusLength }).publicKey.export({ format: "jwk" });
const secret = (length: number): JsonWebKey => createSecretKey(Buffer.alloc(length, 7)).export({ format: "jwk" });
const ed25519 = generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" });
const x25519 = generateKeyPairSync("x25519").publicKey.export({ format: "jwk" });
const p256 = ec("P-256");

const KEYS: readonly object[] = [
  ...[2048, 2056, 1024].map(rsa),
  ...["P-256", "P-384", "P-521", "secp256k1"].map(ec),
  ...[31, 32, 48, 64].map(secret),
  ed25519,
  x25519,
  { ...p256, y: p256.x },
  { ...p256, x: `${p256.x ?? ""}A` },
  { ...rsa(2048), e: "AAEAAQ" },
  { ...rsa(2048), e: "Ag" },
  { ...rsa(2048), n: `AA${rsa(2048).n ?? ""}` },
];

test.each(KEYS.map((key) => [JSON.stringify(key).slice(0, 80), key] as const))("a key %s", (_, key) => {
  const text = JSON.stringify({ keys: [key] });
  expect(wrongKeySet(text) === undefined).toBe(taken(text).problem === null);
});

test("any set of keys with anything in the place of anything is taken by both, or by none; and of what is handed on each key is taken", () => {
  const member = fc.constantFrom("kty", "use", "key_ops", "alg", "kid", "crv", "n", "e", "x", "y", "k");
  const value = fc.oneof(
    fc.constantFrom<unknown>(
      "RSA",
      "EC",
      "OKP",
      "oct",
      "P-256",
      "sig",
      "enc",
      "AQAB",
      "",
      "a=",
      "RS256",
      "ES256",
      "HS512",
      "EdDSA",
      "none",
    ),
    fc.constantFrom<unknown>(["verify"], ["sign", "verify"], [], null, 1, {}, true),
  );
  const key = fc
    .tuple(fc.constantFrom(...KEYS), fc.dictionary(member, value, { maxKeys: 2 }))
    .map(([good, changes]) => ({ ...good, ...changes }));
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 9, arbitrary: key }, { weight: 1, arbitrary: fc.jsonValue() }), { maxLength: 4 }), (keys) => {
      const text = JSON.stringify({ keys });
      const { count, problem } = taken(text);
      expect(wrongKeySet(text) === undefined).toBe(problem === null);
      if (problem !== null) return;
      const handedOn = usableKeySet(text);
      expect((JSON.parse(handedOn) as { keys: unknown[] }).keys).toHaveLength(count);
      expect(taken(handedOn).count).toBe(count);
    }),
    { numRuns: 500 },
  );
});

test.each([
  ["", "is no JSON: "],
  ["[]", "is no key set"],
  ['{"keys":{}}', "is no key set"],
  ['{"keys":[]}', "a key set without keys"],
  [JSON.stringify({ keys: Array.from({ length: 257 }, () => secret(32)) }), "of more than 256 keys"],
  [JSON.stringify({ keys: [secret(32)], x: "x".repeat(256 * 1024) }), "of more than 262144 bytes"],
])("no key set: %.20s", (text, problem) => {
  expect(wrongKeySet(text)).toContain(problem);
  expect(taken(text).problem).not.toBeNull();
});

import { createHmac } from "node:crypto";
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
const tag = (hash: HashName, key: string, message: string) =>
  Buffer.from(calls.text("tag", HASHES.indexOf(hash), key, message) ?? "", "latin1").toString("hex");
const verify = (hash: HashName, key: string, message: string, expected: string) =>
  calls.bool("verify", HASHES.indexOf(hash), key, message, expected);
const bytes = (max: number) => fc.uint8Array({ maxLength: max, size: "max" }).map((part) => Buffer.from(part).toString("latin1"));

describe("the test cases of RFC 4231", () => {
  test.each([
    ["1", "\x0b".repeat(20), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
    ["2", "Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"],
    ["3", "\xaa".repeat(20), "\xdd".repeat(50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"],
    [
      "6, a key longer than a block",
      "\xaa".repeat(131),
      "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ],
  ])("%s", (_, key, message, expected) => {
    expect(tag("sha256", key, message)).toBe(expected);
  });
});

describe.each(HASHES)("HMAC with %s, with node:crypto as the oracle", (hash) => {
  test("any key and message", () => {
    fc.assert(
      fc.property(bytes(200), bytes(300), (key, message) => {
        const expected = createHmac(hash, Buffer.from(key, "latin1")).update(message, "latin1").digest();
        expect(tag(hash, key, message)).toBe(expected.toString("hex"));
        expect(verify(hash, key, message, expected.toString("latin1"))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test("a tag that differs in a bit, is cut, longer or empty is none", () => {
    const expected = createHmac(hash, "key").update("message").digest();
    for (let bit = 0; bit < expected.length * 8; bit++) {
      const wrong = Buffer.from(expected);
      wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verify(hash, "key", "message", wrong.toString("latin1"))).toBe(false);
    }
    const text = expected.toString("latin1");
    for (const wrong of ["", text.slice(1), text.slice(0, -1), `${text}\0`]) expect(verify(hash, "key", "message", wrong)).toBe(false);
  });
});

test("nothing is allocated", () => {
  expect(calls.growth("verify", 2, "key", "message".repeat(40), "tag")).toBe(0);
});

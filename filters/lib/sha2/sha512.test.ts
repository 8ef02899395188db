import { createHash } from "node:crypto";
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
const digest = (hash: (typeof HASHES)[number], first: string, second = "") =>
  Buffer.from(calls.text("digestOfParts", HASHES.indexOf(hash), first, second) ?? "", "latin1").toString("hex");
const oracle = (hash: string, text: string) => createHash(hash).update(text, "latin1").digest("hex");

describe("the examples of FIPS 180-4", () => {
  const two = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
  test.each([
    ["sha384", "abc", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"],
    ["sha384", two, "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039"],
    [
      "sha512",
      "abc",
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ],
    [
      "sha512",
      two,
      "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
    ],
  ] as const)("%s of %j", (hash, text, expected) => {
    expect(digest(hash, text)).toBe(expected);
  });
});

describe.each(HASHES)("%s, with node:crypto as the oracle", (hash) => {
  test("every length from 0 to 300", () => {
    for (let length = 0; length <= 300; length++) {
      const text = Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 167 + (index >> 8)) & 0xff)).toString("latin1");
      expect(digest(hash, text), `${length} bytes`).toBe(oracle(hash, text));
    }
  });

  test("any bytes in two parts of any size", () => {
    const part = fc.uint8Array({ maxLength: 400, size: "max" }).map((bytes) => Buffer.from(bytes).toString("latin1"));
    fc.assert(
      fc.property(part, part, (first, second) => {
        expect(digest(hash, first, second)).toBe(oracle(hash, first + second));
      }),
      { numRuns: 300 },
    );
  });
});

test("the state has its size, and nothing is allocated for a digest", () => {
  expect(calls.bool("state512Fits")).toBe(true);
  expect(calls.growth("digestOfParts", 2, "a".repeat(300), "b")).toBe(0);
});

import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;
let hash: (text: string, seed?: bigint) => bigint;

beforeAll(async () => {
  const assembly = await loadAssembly(join(import.meta.dirname, "testing.ts"));
  calls = new ByteCalls(assembly);
  hash = (text, seed = 0n) => {
    assembly.reset();
    const { pointer, length } = assembly.write(Buffer.from(text, "latin1"));
    // A 64-bit number is a bigint, and signed, at the border.
    const result: unknown = assembly.exports["hash"]?.(pointer, length, seed);
    return BigInt.asUintN(64, result as bigint);
  };
});

const WORD = 2n ** 64n;
const [PRIME_1, PRIME_2, PRIME_3, PRIME_4, PRIME_5] = [
  11400714785074694791n,
  14029467366897019727n,
  1609587929392839161n,
  9650029242287828579n,
  2870177450012600261n,
];
const rotate = (value: bigint, bits: bigint) => ((value << bits) | (value >> (64n - bits))) % WORD;
const round = (accumulator: bigint, lane: bigint) => (rotate((accumulator + lane * PRIME_2) % WORD, 31n) * PRIME_1) % WORD;

/** XXH64 step by step after the specification ("XXH64 Algorithm Description"), with numbers that do not overflow: slow and plain. */
function specification(bytes: Buffer, seed: bigint): bigint {
  let at = 0;
  let accumulator: bigint;
  if (bytes.length < 32) {
    accumulator = (seed + PRIME_5) % WORD;
  } else {
    const accumulators = [seed + PRIME_1 + PRIME_2, seed + PRIME_2, seed, seed + WORD - PRIME_1].map((start) => start % WORD);
    for (; bytes.length - at >= 32; at += 32) {
      accumulators.forEach((value, lane) => (accumulators[lane] = round(value, bytes.readBigUInt64LE(at + 8 * lane))));
    }
    accumulator = accumulators.reduce((sum, value, lane) => sum + rotate(value, [1n, 7n, 12n, 18n][lane] ?? 0n), 0n) % WORD;
    for (const value of accumulators) accumulator = ((accumulator ^ round(0n, value)) * PRIME_1 + PRIME_4) % WORD;
  }
  accumulator = (accumulator + BigInt(bytes.length)) % WORD;
  for (; bytes.length - at >= 8; at += 8) {
    accumulator = (rotate(accumulator ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * PRIME_1 + PRIME_4) % WORD;
  }
  if (bytes.length - at >= 4) {
    const lane = BigInt(bytes.readUInt32LE(at));
    accumulator = (rotate(accumulator ^ ((lane * PRIME_1) % WORD), 23n) * PRIME_2 + PRIME_3) % WORD;
    at += 4;
  }
  for (; at < bytes.length; at++) {
    accumulator = (rotate(accumulator ^ ((BigInt(bytes.readUInt8(at)) * PRIME_5) % WORD), 11n) * PRIME_1) % WORD;
  }
  accumulator = ((accumulator ^ (accumulator >> 33n)) * PRIME_2) % WORD;
  accumulator = ((accumulator ^ (accumulator >> 29n)) * PRIME_3) % WORD;
  return accumulator ^ (accumulator >> 32n);
}

const VECTORS = [
  ["", 0xef46db3751d8e999n],
  ["a", 0xd24ec4f1a98c6e5bn],
  ["abc", 0x44bc2cf5ad770999n],
] as const;

test.each(VECTORS)("the published hash of %j", (text, published) => {
  expect(hash(text)).toBe(published);
  // The oracle below must not be wrong in the same way.
  expect(specification(Buffer.from(text), 0n)).toBe(published);
});

describe("with the specification as the oracle", () => {
  const seed = fc.bigInt({ min: 0n, max: WORD - 1n });

  test("every length from 0 to 200", () => {
    for (let length = 0; length <= 200; length++) {
      const bytes = Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 167 + length) & 0xff));
      expect(hash(bytes.toString("latin1"), 7n), `${length} bytes`).toBe(specification(bytes, 7n));
    }
  });

  test("any bytes with any seed", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200, size: "max" }), seed, (array, value) => {
        const bytes = Buffer.from(array);
        expect(hash(bytes.toString("latin1"), value)).toBe(specification(bytes, value));
      }),
      { numRuns: 500 },
    );
  });

  test.each([0n, 1n, WORD / 2n, WORD - PRIME_1, WORD - 1n])("seed %i, where sums overflow", (value) => {
    for (const length of [0, 3, 4, 31, 32, 33, 64, 100]) {
      const bytes = Buffer.alloc(length, 0xff);
      expect(hash(bytes.toString("latin1"), value), `${length} bytes`).toBe(specification(bytes, value));
    }
  });
});

test("makes no managed object", () => {
  expect(calls.growth("hash", "x-request-id", 1n)).toBe(0);
});

import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type Assembly, loadAssembly } from "../../testing/assembly.ts";

let assembly: Assembly;

beforeAll(async () => {
  assembly = await loadAssembly(join(import.meta.dirname, "testing.ts"));
});

const MASK = 2n ** 64n - 1n;
const rotl = (value: bigint, bits: bigint) => ((value << bits) | (value >> (64n - bits))) & MASK;

/** The authors' C code in arbitrary precision. */
function* reference(seed: bigint): Generator<bigint> {
  let state = seed;
  const splitMix = () => {
    state = (state + 0x9e3779b97f4a7c15n) & MASK;
    let mixed = state;
    mixed = ((mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    mixed = ((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn) & MASK;
    return mixed ^ (mixed >> 31n);
  };
  let [a, b, c, d] = [splitMix(), splitMix(), splitMix(), splitMix()];
  for (;;) {
    yield (rotl((b * 5n) & MASK, 7n) * 9n) & MASK;
    const shifted = (b << 17n) & MASK;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotl(d, 45n);
  }
}

describe("the generator", () => {
  test("splitmix64 from 0 begins as its authors publish", () => {
    // The first output of xoshiro256** is a function of the second splitmix64 output, 0x6e789e6aa1b965f4.
    assembly.exports["seed"]?.(0n);
    const first = BigInt.asUintN(64, assembly.exports["next"]?.() as unknown as bigint);
    expect(first).toBe((rotl((0x6e789e6aa1b965f4n * 5n) & MASK, 7n) * 9n) & MASK);
  });

  test.each([0n, 1n, 42n, MASK])("from seed %d goes on as the reference", (seed) => {
    assembly.exports["seed"]?.(seed);
    const expected = reference(seed);
    for (let i = 0; i < 1_000; i++) {
      expect(BigInt.asUintN(64, assembly.exports["next"]?.() as unknown as bigint)).toBe(expected.next().value);
    }
  });

  test.each([1, 2, 3, 10, 1_000_000, 2 ** 31, 2 ** 32 - 1])("below %d stays below", (bound) => {
    assembly.exports["seed"]?.(7n);
    for (let i = 0; i < 1_000; i++) {
      const drawn = Number(assembly.exports["below"]?.(bound)) >>> 0;
      expect(drawn).toBeLessThan(bound);
    }
  });

  test("draws are even: chi-square of 100,000 over 16 cells within its 99.9 % bound", () => {
    assembly.exports["seed"]?.(12345n);
    const cells = new Array<number>(16).fill(0);
    for (let i = 0; i < 100_000; i++) {
      const cell = Number(assembly.exports["below"]?.(16));
      cells[cell] = (cells[cell] ?? 0) + 1;
    }
    const chiSquare = cells.reduce((sum, count) => sum + (count - 6_250) ** 2 / 6_250, 0);
    expect(chiSquare).toBeLessThan(37.7);
  });
});

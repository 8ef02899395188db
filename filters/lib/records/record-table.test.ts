import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { loadAssembly, type Assembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let assembly: Assembly;
let calls: ByteCalls;

beforeAll(async () => {
  assembly = await loadAssembly(join(import.meta.dirname, "testing.ts"));
  calls = new ByteCalls(assembly);
});

const key = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 40 });

test("it holds what a Map holds, up to its limit", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(key, fc.nat()), { maxLength: 300 }),
      fc.integer({ min: 0, max: 200 }),
      fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
      (entries, limit, seed) => {
        calls.number("create", limit, seed);
        const expected = new Map<string, number>();
        for (const [name, value] of entries) {
          expect(calls.number("find", name)).toBe(expected.get(name) ?? -1);
          if (expected.has(name)) continue;
          expect(calls.bool("add", name, BigInt(value))).toBe(expected.size < limit);
          if (expected.size < limit) expected.set(name, value);
        }
        expect(calls.number("length")).toBe(expected.size);
        for (const [name, value] of expected) expect(calls.number("find", name)).toBe(value);
        calls.number("clear");
        for (const name of expected.keys()) expect(calls.number("find", name)).toBe(-1);
      },
    ),
    { numRuns: 60 },
  );
});

test("looking up allocates nothing", () => {
  calls.number("create", 10, 1n);
  calls.bool("add", "a key", 7n);
  expect(calls.growth("find", "a key")).toBe(0);
  expect(calls.growth("find", "another")).toBe(0);
});

test("what was cleared is used again", () => {
  const fill = () => {
    calls.number("create", 1_000, 3n);
    for (let i = 0; i < 1_000; i++) expect(calls.bool("add", `key ${i}`.repeat(5), 1n)).toBe(true);
  };
  for (let i = 0; i < 3; i++) fill();
  const before = assembly.memory.buffer.byteLength;
  for (let i = 0; i < 20; i++) fill();
  expect(assembly.memory.buffer.byteLength).toBe(before);
});

import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Assembly, loadAssembly } from "../../testing/assembly.ts";

let assembly: Assembly;

beforeAll(async () => {
  assembly = await loadAssembly(join(import.meta.dirname, "testing.ts"));
});

const call = (name: string, ...values: ReadonlyArray<number | bigint>) => assembly.exports[name]?.(...values) as unknown as number | bigint;
const wide = (name: string, ...values: readonly bigint[]) => BigInt.asUintN(64, call(name, ...values) as bigint);
const u64 = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });

/** The key of a list of values; `null` for one that is absent. */
function keyOf(values: readonly (string | null)[], one = 1n, two = 2n): string {
  call("begin", one, two);
  for (const value of values) {
    if (value === null) {
      call("addGap");
      continue;
    }
    const { pointer, length } = assembly.write(value);
    call("add", pointer, length);
  }
  const key = `${wide("one")} ${wide("two")}`;
  assembly.reset();
  return key;
}

describe("keys", () => {
  test.each([
    [
      ["ab", "c"],
      ["a", "bc"],
    ],
    [["a"], ["a", ""]],
    [[], [""]],
    [[""], [null]],
    [
      ["a", null],
      [null, "a"],
    ],
    [[null], [null, null]],
    [
      ["a", "b"],
      ["b", "a"],
    ],
  ])("%j is another than %j", (left, right) => {
    const [a, b] = [keyOf(left).split(" "), keyOf(right).split(" ")];
    expect(a[0]).not.toBe(b[0]);
    expect(a[1]).not.toBe(b[1]);
  });

  test("differ for different lists and for different seeds, and are the same for the same", () => {
    const list = fc.array(fc.option(fc.string({ maxLength: 40 })), { maxLength: 4 });
    fc.assert(
      fc.property(list, list, u64, (left, right, seed) => {
        expect(keyOf(left) === keyOf(right)).toBe(JSON.stringify(left) === JSON.stringify(right));
        if (left.length > 0 && seed > 2n) expect(keyOf(left)).not.toBe(keyOf(left, seed, seed));
      }),
    );
  });
});

describe("a table", () => {
  test("takes the memory that it needs, up to eight buckets on a page", () => {
    expect(Number(call("bucketSize"))).toBe(24);
    expect([1, 3, 8, 9, 1_000].map((buckets) => call("makeTable", buckets))).toEqual([1, 3, 8, 8, 8]);
  });

  test("of one page forgets who is soonest full", () => {
    call("makeTable", 3);
    expect(wide("write", 1n, 1n, 300n)).toBe(0n);
    expect(wide("write", 2n, 2n, 100n)).toBe(0n);
    expect(wide("write", 3n, 3n, 200n)).toBe(0n);
    expect(wide("write", 4n, 4n, 50n)).toBe(100n);
    expect([1n, 2n, 3n, 4n].map((key) => wide("read", key, key))).toEqual([300n, 0n, 200n, 50n]);
    // Its own bucket is written again, and no other goes.
    expect(wide("write", 1n, 1n, 400n)).toBe(0n);
    expect(wide("read", 1n, 1n)).toBe(400n);
    // The first half of a key does not make it the same.
    expect(wide("read", 1n, 2n)).toBe(0n);
  });

  test("holds what a map holds, less what it says it lost", () => {
    const entry = fc.tuple(fc.bigInt({ min: 1n, max: 60n }), u64);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(entry, { maxLength: 200 }), (buckets, entries) => {
        call("makeTable", buckets);
        const known = new Map<bigint, bigint>();
        let lost = 0;
        for (const [number, fullAt] of entries) {
          const key = (number * 0x9e37_79b1_85eb_ca87n) & (2n ** 64n - 1n);
          if (wide("write", key, number, fullAt) !== 0n) lost++;
          known.set(key, fullAt);
          expect(wide("read", key, number)).toBe(fullAt);
        }
        const held = [...known].filter(([key, fullAt]) => {
          const number = entries.find(([each]) => ((each * 0x9e37_79b1_85eb_ca87n) & (2n ** 64n - 1n)) === key)?.[0] ?? 0n;
          return wide("read", key, number) === fullAt;
        });
        expect(held.length).toBeGreaterThanOrEqual(known.size - lost);
        expect(held.length).toBeLessThanOrEqual(Math.ceil(buckets / 8) * 8);
      }),
      { numRuns: 50 },
    );
  });
});

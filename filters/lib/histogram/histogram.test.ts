import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { type Assembly, type AssemblyFunction, loadAssembly } from "../../testing/assembly.ts";

let assembly: Assembly;

beforeAll(async () => {
  assembly = await loadAssembly(join(import.meta.dirname, "testing.ts"));
});

function call(name: string, ...values: ReadonlyArray<number | bigint>): bigint {
  const callee = assembly.exports[name] as AssemblyFunction<number | bigint> | undefined;
  if (callee === undefined) throw new Error(`no function ${name}`);
  return BigInt.asUintN(64, BigInt(callee(...values) ?? 0));
}

test.each([
  [0, 0],
  [63, 0],
  [64, 1],
  [79, 1],
  [80, 2],
  [127, 4],
  [128, 5],
  [3_145_728, 63],
])("%d is counted in bucket %d", (value, bucket) => {
  expect(call("bucket", BigInt(value))).toBe(BigInt(bucket));
});

test("a value lies in the first bucket whose highest value is not below it", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
      const bucket = Number(call("bucket", value));
      expect(call("highest", bucket)).toBeGreaterThanOrEqual(value);
      if (bucket > 0) expect(call("highest", bucket - 1)).toBeLessThan(value);
    }),
  );
});

test("a quantile is that of the values, too high by a quarter at most", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 64, max: 1_000_000 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 100 }),
      (values, percent) => {
        call("clear");
        for (const value of values) call("add", BigInt(value));
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.ceil((values.length * percent) / 100) - 1] ?? NaN;
        const found = Number(call("quantile", percent * 10_000));
        expect(found).toBeGreaterThanOrEqual(exact);
        expect(found).toBeLessThan(exact * 1.25);
      },
    ),
  );
});

test("a histogram without values has no quantile", () => {
  call("clear");
  expect(call("quantile", 990_000)).toBe(0n);
});

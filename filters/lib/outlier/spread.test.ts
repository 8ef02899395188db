import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { type AssemblyFunction, loadAssembly } from "../../testing/assembly.ts";

let call: (name: string, ...values: readonly number[]) => number;

beforeAll(async () => {
  const { exports } = await loadAssembly(join(import.meta.dirname, "testing.ts"));
  call = (name, ...values) => (exports[name] as AssemblyFunction)(...values);
});

function spreadOf(values: readonly number[]): { readonly mean: number; readonly deviation: number } {
  call("clear");
  for (const value of values) call("add", value);
  expect(call("size")).toBe(values.length);
  return { mean: call("mean"), deviation: call("deviation") };
}

test.each([
  ["nothing", [], 0, 0],
  ["one number", [7], 7, 0],
  ["equal numbers", [3, 3, 3], 3, 0],
  ["2, 4, 4, 4, 5, 5, 7, 9", [2, 4, 4, 4, 5, 5, 7, 9], 5, 2],
])("the spread of %s", (_, values, mean, deviation) => {
  const spread = spreadOf(values);
  expect(spread.mean).toBeCloseTo(mean, 12);
  expect(spread.deviation).toBeCloseTo(deviation, 12);
});

test("it is that of the definition", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 30 }), (values) => {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
      const spread = spreadOf(values);
      expect(spread.mean).toBeCloseTo(mean, 6);
      expect(spread.deviation).toBeCloseTo(Math.sqrt(variance), 6);
    }),
  );
});

import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

describe("a search", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "A", "b"), maxLength: 7 });
  const input = fc.string({ unit: fc.constantFrom("a", "A", "b"), maxLength: 40 });

  test("finds what includes() finds", () => {
    fc.assert(
      fc.property(text, input, fc.boolean(), (wanted, value, ignoreCase) => {
        calls.number("searchCompile", wanted, Number(ignoreCase));
        const expected = ignoreCase ? value.toLowerCase().includes(wanted.toLowerCase()) : value.includes(wanted);
        expect(calls.bool("searchIsIn", value)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  test("is linear: half a megabyte of a against a long text of a and a b takes less than a second", () => {
    calls.number("searchCompile", `${"a".repeat(50_000)}b`, 0);
    const start = performance.now();
    expect(calls.bool("searchIsIn", "a".repeat(500_000))).toBe(false);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

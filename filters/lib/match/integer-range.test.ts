import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

interface Range {
  readonly range_match: { readonly start: string; readonly end: string };
}

interface Table {
  readonly ranges: readonly (readonly [matcher: Range, matching: readonly string[], other: readonly string[]])[];
}

const folder = import.meta.dirname;
const { ranges } = JSON.parse(await readFile(join(folder, "header.vectors.json"), "utf8")) as Table;

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(folder, "testing.ts")));
});

describe("as Envoy does", () => {
  test.each(ranges)("%j matches %j and none of %j", ({ range_match: { start, end } }, matching, other) => {
    calls.number("compileRange", BigInt(start), BigInt(end));
    expect(matching.filter((value) => !calls.bool("matches", value))).toEqual([]);
    expect(other.filter((value) => calls.bool("matches", value))).toEqual([]);
  });
});

const integer = fc.oneof(
  fc.bigInt({ min: -12n, max: 12n }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n),
);

describe("a range", () => {
  test("holds the numbers from its start to before its end", () => {
    fc.assert(
      fc.property(integer, integer, fc.oneof(integer, fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n })), (start, end, value) => {
        calls.number("compileRange", start, end);
        expect(calls.bool("matches", String(value))).toBe(start <= value && value < end);
      }),
      { numRuns: 500 },
    );
  });

  test("holds nothing that is no number, and traps on nothing", () => {
    calls.number("compileRange", -(2n ** 63n), 2n ** 63n - 1n);
    const text = fc.string({ unit: fc.constantFrom("0", "9", "+", "-", " ", "\t", ".", "\u0000", "\u00b9") });
    fc.assert(
      fc.property(text, (input) => {
        expect(calls.bool("matches", input)).toBe(/^[ \t]*[+-]?\d{1,18}[ \t]*$/.test(input) || isLongNumber(input));
      }),
    );
  });
});

/** A number of more digits that fits all the same. */
function isLongNumber(input: string): boolean {
  const text = /^[ \t]*([+-]?\d{19,})[ \t]*$/.exec(input)?.[1];
  if (text === undefined) return false;
  const value = BigInt(text.replace("+", ""));
  return value >= -(2n ** 63n) && value < 2n ** 63n - 1n;
}

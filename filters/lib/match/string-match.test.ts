import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

type Kind = "exact" | "prefix" | "suffix" | "contains";
type StringMatcher = Partial<Record<Kind, string>> & { readonly ignore_case?: boolean };

interface Table {
  readonly strings: readonly (readonly [
    matcher: { readonly string_match: StringMatcher },
    matching: readonly string[],
    other: readonly string[],
  ])[];
}

const folder = import.meta.dirname;
const { strings } = JSON.parse(await readFile(join(folder, "header.vectors.json"), "utf8")) as Table;
const KINDS: readonly Kind[] = ["exact", "prefix", "suffix", "contains"];
const REGEX = 4;

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(folder, "testing.ts")));
});

describe("as Envoy does", () => {
  test.each(strings)("%j matches %j and none of %j", ({ string_match }, matching, other) => {
    const kind = KINDS.findIndex((each) => string_match[each] !== undefined);
    // A configuration is UTF-8, and the values of the table are bytes.
    const text = Buffer.from(string_match[KINDS[kind] ?? "exact"] ?? "", "utf8").toString("latin1");
    calls.bool("compile", kind, text, Number(string_match.ignore_case ?? false));
    expect(matching.filter((value) => !calls.bool("matches", value))).toEqual([]);
    expect(other.filter((value) => calls.bool("matches", value))).toEqual([]);
  });
});

const text = fc.string({ unit: fc.constantFrom("a", "A", "b", "B", "\u00e4", "\u00c4", "\u0000"), maxLength: 8 });

function fold(value: string): string {
  return value.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

describe("a condition on a value", () => {
  test("is what the method of JavaScript's strings says, with and without regard to case", () => {
    fc.assert(
      fc.property(fc.nat(3), text, text, fc.boolean(), (kind, wanted, value, ignoreCase) => {
        calls.bool("compile", kind, wanted, Number(ignoreCase));
        const [left, right] = ignoreCase ? [fold(value), fold(wanted)] : [value, wanted];
        const expected = [left === right, left.startsWith(right), left.endsWith(right), left.includes(right)][kind];
        expect(calls.bool("matches", value)).toBe(expected);
        expect(calls.bool("matchesMissing")).toBe(false);
        expect(calls.bool("hasExactText")).toBe(kind === 0 && !ignoreCase);
      }),
      { numRuns: 1000 },
    );
  });

  test("by a regular expression is on the whole value", () => {
    expect(calls.bool("compile", REGEX, "b+", 0)).toBe(true);
    expect(["b", "bbb", "abb", "bba", ""].map((value) => calls.bool("matches", value))).toEqual([true, true, false, false, false]);
    expect(calls.bool("compile", REGEX, "(", 0)).toBe(false);
  });

  test("of presence holds for every value, an empty one too, and not without one", () => {
    calls.number("compilePresence", 1);
    expect([calls.bool("matches", ""), calls.bool("matches", "x"), calls.bool("matchesMissing")]).toEqual([true, true, false]);
  });

  test("of absence holds only without one", () => {
    calls.number("compilePresence", 0);
    expect([calls.bool("matches", ""), calls.bool("matches", "x"), calls.bool("matchesMissing")]).toEqual([false, false, true]);
  });
});

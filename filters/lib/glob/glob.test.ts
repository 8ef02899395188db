import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

describe("a glob", () => {
  test.each([
    ["abc", "abc", true],
    ["abc", "ab", false],
    ["abc", "ABC", false],
    ["abc*", "abc", true],
    ["abc*", "abcd", true],
    ["abc*", "ab", false],
    ["*abc", "abc", true],
    ["*abc", "xabc", true],
    ["*abc", "abcx", false],
    ["*", "x", true],
    ["*", "", false],
    ["", "", true],
    ["", "x", false],
    ["**", "*", true],
    ["**", "x", false],
    ["*a*", "xa*", true],
    ["*a*", "xay", false],
    ["a*b", "a*b", true],
    ["a*b", "axb", false],
  ])("%j matches %j: %j", (pattern, input, matches) => {
    calls.number("globCompile", pattern);
    expect(calls.bool("globMatches", input)).toBe(matches);
  });

  const text = fc.string({ unit: fc.constantFrom("a", "B", "b", "*", "\u0000", "\u00e4", "\u00c4"), maxLength: 6 });

  test("matches what the expression that Istio makes of it matches", () => {
    fc.assert(
      fc.property(text, text, (pattern, input) => {
        calls.number("globCompile", pattern);
        expect(calls.bool("globMatches", input)).toBe(expression(pattern, "s").test(input));
        const folded = expression(pattern.replaceAll(/[A-Z]/g, lower), "s").test(input.replaceAll(/[A-Z]/g, lower));
        expect(calls.bool("globMatchesIgnoreCase", input)).toBe(folded);
      }),
    );
  });
});

function lower(letters: string): string {
  return letters.toLowerCase();
}

/** `StringMatcherWithPrefix` of Istio's pilot/pkg/security/authz/matcher, as an expression. */
function expression(pattern: string, flags: string): RegExp {
  if (pattern === "*") return new RegExp("^.+$", flags);
  if (pattern.startsWith("*")) return new RegExp(`${escape(pattern.slice(1))}$`, flags);
  if (pattern.endsWith("*")) return new RegExp(`^${escape(pattern.slice(0, -1))}`, flags);
  return new RegExp(`^${escape(pattern)}$`, flags);
}

function escape(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&");
}

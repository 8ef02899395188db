import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

const KINDS = ["exact", "prefix", "suffix", "contains", "regex", "range", "present", "absent"];

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

/** What is wrong with the condition, or its kind. */
function parse(condition: unknown, ignoreCase = false): string {
  return calls.text("parse", JSON.stringify(condition), Number(ignoreCase)) ?? KINDS[calls.number("kind")] ?? "";
}

describe("a condition is read", () => {
  test.each([
    [{ exact: "Beta" }, "exact", "Beta", "beta"],
    [{ exact: "" }, "exact", "", "x"],
    [{ prefix: "Be" }, "prefix", "Beta", "beta"],
    [{ suffix: "ta" }, "suffix", "Beta", "BeTA"],
    [{ contains: "et" }, "contains", "Beta", "BETA"],
    [{ exact: "Beta", ignoreCase: true }, "exact", "bETA", "beta1"],
    [{ regex: "Be.*" }, "regex", "Beta", "xBeta"],
    [{ range: { start: -1, end: 2 } }, "range", "1", "2"],
  ])("%j, of kind %s, matches %j and not %j", (condition, kind, matching, other) => {
    expect(parse(condition)).toBe(kind);
    expect([calls.bool("matches", matching), calls.bool("matches", other)]).toEqual([true, false]);
  });

  test.each([
    [{}, "present"],
    [{ present: true }, "present"],
    [{ present: false }, "absent"],
  ])("%j asks for the value to be %s", (condition, kind) => {
    expect(parse(condition)).toBe(kind);
  });

  test("with regard to case unless it or its place says otherwise", () => {
    parse({ exact: "Beta" }, true);
    expect(calls.bool("matches", "beta")).toBe(true);
    parse({ exact: "Beta", ignoreCase: false }, true);
    expect(calls.bool("matches", "beta")).toBe(false);
  });
});

describe("a condition is refused", () => {
  test.each([
    [{ exact: "a", prefix: "b" }, "prefix: only one of exact, prefix, suffix, contains, regex, present, range may be set"],
    [{ prefix: "" }, "prefix: must not be empty"],
    [{ suffix: 1 }, "suffix: expected a string, found a number"],
    [{ exakt: "a" }, "exakt: unknown field; did you mean `exact`?"],
    [{ regex: "(" }, "regex: "],
    [{ regex: "a", ignoreCase: true }, "ignoreCase: concerns exact, prefix, suffix and contains only"],
    [{ range: { start: 2, end: 2 } }, "range.end: must be greater than start"],
    [{ range: { start: 2 } }, "range: `end` is missing"],
    [{ range: { start: 2, end: 2 ** 53 } }, "range.end: must be from "],
    [{ range: { start: 0.5, end: 2 } }, "range.start: expected an integer, found 0.5"],
    ["beta", "expected an object, found a string"],
  ])("%j: %s", (condition, problem) => {
    expect(parse(condition)).toContain(problem);
  });

  test("and never traps, whatever stands there", () => {
    const key = fc.constantFrom("exact", "prefix", "suffix", "contains", "present", "range", "start", "end", "ignoreCase", "x");
    const { condition } = fc.letrec((tie) => ({
      condition: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom<unknown>(null, true, false, 0, -1, 1e300, "", "a", "\u0000"),
        fc.array(tie("condition"), { maxLength: 2 }),
        fc.dictionary(key, tie("condition"), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(condition, fc.string({ maxLength: 4 }), (value, input) => {
        parse(value);
        calls.bool("matches", input.replaceAll(/[^\u0000-\u00ff]/g, ""));
      }),
    );
  });
});

import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

describe("a condition on a path", () => {
  test.each([
    [{ exact: "/a" }, "/a", "/A"],
    [{ exact: "/a", ignoreCase: true }, "/A", "/a/"],
    [{ prefix: "/a" }, "/ab/c", "/A"],
    [{ prefix: "/a", ignoreCase: true }, "/AB", "/"],
    [{ template: "/a/{b}/{c=**}" }, "/a/x/", "/a//y"],
    [{ regex: "/[ab]+" }, "/abba", "/abbac"],
  ])("%j matches %j and not %j", (condition, matching, other) => {
    expect(calls.text("parsePath", JSON.stringify(condition))).toBeNull();
    expect([calls.bool("pathMatches", matching), calls.bool("pathMatches", other)]).toEqual([true, false]);
  });

  test.each([
    [{}, "needs one of exact, prefix, template, regex"],
    [{ exact: "/a", regex: "b" }, "regex: only one of exact, prefix, template, regex may be set"],
    [{ exact: "" }, "exact: must not be empty"],
    [{ suffix: "/a" }, "suffix: unknown field"],
    [{ template: "/a*" }, "template: a * stands alone in its segment or in a variable, as in /* or /a{rest=*}, at character 3 of it"],
    [{ template: "/a", ignoreCase: true }, "ignoreCase: concerns exact and prefix only"],
    [{ regex: "(" }, "regex: "],
    [[], "expected an object, found a list"],
  ])("%j is refused: %s", (condition, problem) => {
    expect(calls.text("parsePath", JSON.stringify(condition))).toContain(problem);
  });

  test("makes no managed object", () => {
    for (const condition of [{ exact: "/a" }, { prefix: "/a", ignoreCase: true }, { template: "/{a=**}" }]) {
      calls.text("parsePath", JSON.stringify(condition));
      expect(calls.growth("pathMatches", "/a/b")).toBe(0);
    }
  });
});

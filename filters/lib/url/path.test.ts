import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

function parts(target: string): (string | null)[] {
  return ["path", "query", "fragment"].map((name) => calls.text(name, target));
}

describe("a request target is cut", () => {
  test.each([
    ["/a", ["/a", null, null]],
    ["/a?", ["/a", "", null]],
    ["/a?b?c", ["/a", "b?c", null]],
    ["/a#", ["/a", null, ""]],
    ["/a?b#c#d", ["/a", "b", "c#d"]],
    ["/a#b?c", ["/a", null, "b?c"]],
    ["?b", ["", "b", null]],
    ["", ["", null, null]],
  ])("%j into %j", (target, expected) => {
    expect(parts(target)).toEqual(expected);
  });

  test("as the expression of RFC 3986, appendix B, cuts it", () => {
    const target = fc.string({ unit: fc.constantFrom("/", "a", "?", "#", "\u0000", "\u00ff", ";") });
    fc.assert(
      fc.property(target, (input) => {
        const match = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(input);
        expect(parts(input)).toEqual([match?.[1], match?.[2] ?? null, match?.[3] ?? null]);
        expect(calls.text("pathAlone", input)).toBe(match?.[1]);
      }),
    );
  });
});

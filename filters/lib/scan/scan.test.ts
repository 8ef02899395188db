import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

function found(text: string, pieces: readonly string[]): boolean {
  calls.number("look", text);
  return pieces.reduce((_, piece) => calls.bool("piece", piece), false);
}

test.each([
  ["in one piece", "error", ['{"error":1}'], true],
  ["across two pieces", "error", ['{"er', 'ror":1}'], true],
  ["byte by byte", "error", [..."an error"], true],
  ["after a part of it", "error", ["erro", "error"], true],
  ["never", "error", ["erro", " r"], false],
  ["after a false start", "aab", ["aa", "ab"], true],
  ["in nothing", "a", [], false],
  ["with empty pieces between", "ab", ["a", "", "b"], true],
  ["and stays found", "a", ["a", "b", "c"], true],
])("a text is found %s", (_, text, pieces, expected) => {
  expect(found(text, pieces)).toBe(expected);
});

test("it is found in pieces of any size where the whole contains it", () => {
  const few = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 12 });
  fc.assert(
    fc.property(
      few.filter((text) => text.length > 0 && text.length < 6),
      fc.array(few, { maxLength: 6 }),
      (text, pieces) => {
        expect(found(text, pieces)).toBe(pieces.join("").includes(text));
      },
    ),
  );
});

test("it allocates nothing", () => {
  calls.number("look", "aab");
  expect(calls.growth("piece", "aaaaaaaaaaaaaaaa")).toBe(0);
});

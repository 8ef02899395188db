import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

describe("percent-decoding", () => {
  test.each([
    ["", "", -1],
    ["a+b", "a+b", -1],
    ["%41%4a%4A", "AJJ", -1],
    ["%00%ff", "\u0000\u00ff", -1],
    ["%2541", "%41", -1],
    ["%", null, 0],
    ["a%4", null, 1],
    ["%41%zz", null, 3],
    ["%%41", null, 0],
    ["%4g", null, 0],
    ["%\u00b141", null, 0],
  ])("of %j gives %j, with the first bad escape at %i", (input, output, offset) => {
    expect(calls.text("percentDecode", input)).toBe(output);
    expect(calls.number("badEscape", input)).toBe(offset);
  });

  test("of what was encoded gives it back", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const encoded = encodeURIComponent(text);
        expect(calls.text("percentDecode", encoded)).toBe(Buffer.from(text, "utf8").toString("latin1"));
      }),
    );
  });

  test("of anything gives what a replacement gives, or null where a % is left over", () => {
    const input = fc.string({ unit: fc.constantFrom("%", "4", "1", "a", "F", "g", "\u0000", "\u00ff") });
    fc.assert(
      fc.property(input, (text) => {
        const rest = text.replaceAll(/%[\da-f]{2}/gi, "...");
        const decoded = text.replaceAll(/%([\da-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
        expect(calls.text("percentDecode", text)).toBe(rest.includes("%") ? null : decoded);
        expect(calls.number("badEscape", text)).toBe(rest.indexOf("%"));
      }),
    );
  });
});

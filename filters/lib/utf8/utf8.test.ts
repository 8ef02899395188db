import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodes(bytes: string): boolean {
  try {
    decoder.decode(Buffer.from(bytes, "latin1"));
    return true;
  } catch {
    return false;
  }
}

/** Bytes around the edges of what is well-formed, a character for each. */
const bytes = fc
  .array(
    fc.oneof(
      fc.constantFrom(0, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff),
      fc.nat(255),
    ),
    { maxLength: 12 },
  )
  .map((list) => Buffer.from(list).toString("latin1"));

describe("UTF-8", () => {
  test("is what TextDecoder takes", () => {
    fc.assert(
      fc.property(bytes, (input) => void expect(calls.bool("valid", input)).toBe(decodes(input))),
      { numRuns: 5_000 },
    );
  });

  test("stays as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const input = Buffer.from(text, "utf8").toString("latin1");
        expect(calls.text("sanitize", input)).toBe(input);
      }),
    );
  });

  test.each([
    ["caf\xe9", "caf!"],
    ["\xff\xfe", "!!"],
    ["\xe2\x82", "!!"],
    ["a\xc3\xa9\xc3", "a\xc3\xa9!"],
    ["\xed\xa0\x80", "!!!"],
    ["\xf0\x9f\x98x", "!!!x"],
  ])("bytes of no character become exclamation marks: %j", (input, expected) => {
    expect(calls.text("sanitize", input)).toBe(expected);
  });

  test("comes out of any bytes", () => {
    fc.assert(
      fc.property(bytes, (input) => {
        const output = calls.text("sanitize", input) ?? "";
        expect(decodes(output)).toBe(true);
        expect(output).toHaveLength(input.length);
      }),
    );
  });
});

import { validateHeaderName, validateHeaderValue } from "node:http";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

function accepts(validate: () => void): boolean {
  try {
    validate();
    return true;
  } catch {
    return false;
  }
}

const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const text = fc.oneof(
  fc.string({ unit: byte, maxLength: 3 }),
  fc.string({ unit: fc.constantFrom(..."aZ09-_~!/:\t \r\n\u007f\u00ff\u0000"), maxLength: 8 }),
);

describe("each byte alone, and generated texts, are judged as Node's HTTP judges them", () => {
  const bytes = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));

  test("as a header name and a method, which are tokens", () => {
    for (const each of bytes) expect([each, calls.bool("isHeaderName", each)]).toEqual([each, accepts(() => validateHeaderName(each))]);
    fc.assert(
      fc.property(text, (input) => {
        const expected = accepts(() => validateHeaderName(input));
        for (const name of ["isHeaderName", "isMethod", "isToken"]) expect(calls.bool(name, input)).toBe(expected);
      }),
    );
  });

  test("as a header value", () => {
    for (const each of bytes)
      expect([each, calls.bool("isHeaderValue", each)]).toEqual([each, accepts(() => validateHeaderValue("a", each))]);
    fc.assert(
      fc.property(text, (input) => {
        expect(calls.bool("isHeaderValue", input)).toBe(accepts(() => validateHeaderValue("a", input)));
      }),
    );
  });
});

test("an empty value is one, an empty name is none", () => {
  expect(calls.bool("isHeaderValue", "")).toBe(true);
  expect(calls.bool("isHeaderName", "")).toBe(false);
});

import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Assembly, loadAssembly } from "../../testing/assembly.ts";

let assembly: Assembly;

beforeAll(async () => {
  assembly = await loadAssembly(join(import.meta.dirname, "testing.ts"));
});

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

function parse(text: string): bigint | undefined {
  assembly.reset();
  const { pointer, length } = assembly.write(text);
  const value: unknown = assembly.exports["parse"]?.(pointer, length);
  return Number(assembly.exports["valid"]?.()) === 1 ? BigInt(value as bigint) : undefined;
}

function format(value: bigint): string {
  const length = Number(assembly.exports["format"]?.(value));
  return assembly.text(Number(assembly.exports["formatted"]?.()), length);
}

describe("decimal integers", () => {
  test.each(["", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "--1", "1-", String(MAX + 1n), String(MIN - 1n), "9".repeat(40), "١"])(
    "%j is none",
    (text) => {
      expect(parse(text)).toBeUndefined();
    },
  );

  test.each([MIN, MAX, 0n, -1n, 7n])("%d is read and written", (value) => {
    expect(parse(String(value))).toBe(value);
    expect(format(value)).toBe(String(value));
  });

  test("whatever fits 64 bits survives, with leading zeros too", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: MIN, max: MAX }), fc.nat(5), (value, zeros) => {
        expect(format(value)).toBe(String(value));
        const sign = value < 0n ? "-" : "";
        expect(parse(sign + "0".repeat(zeros) + String(value < 0n ? -value : value))).toBe(value);
      }),
    );
  });

  test("what BigInt reads is read the same", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 21, unit: fc.constantFrom(..."0123456789-x ") }), (text) => {
        const value = /^-?[0-9]+$/.test(text) ? BigInt(text) : undefined;
        expect(parse(text)).toBe(value !== undefined && value >= MIN && value <= MAX ? value : undefined);
      }),
    );
  });
});

import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

// With BigInt as the oracle.

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

/** Little-endian bytes of a number, as many as `length`. */
function bytes(number: bigint, length: number): string {
  const digits = Buffer.from(number.toString(16).padStart(length * 2, "0"), "hex").reverse();
  return digits.toString("latin1");
}

const number = (text: string | null) =>
  BigInt(
    `0x${
      Buffer.from(text ?? "", "latin1")
        .reverse()
        .toString("hex") || "0"
    }`,
  );

function powerOf(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let square = base % modulus, left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result % modulus;
}

const MODULI = [
  ["2^255 - 19", 2n ** 255n - 19n],
  ["the order of Ed25519", 2n ** 252n + 27742317777372353535851937790883648493n],
  ["the prime of P-256", 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n],
  ["the prime of P-521", 2n ** 521n - 1n],
  ["all ones", 2n ** 2048n - 1n],
  ["one and one", 2n ** 2047n + 1n],
  ["3", 3n],
  ["2^32 - 1", 2n ** 32n - 1n],
] as const;

describe.each(MODULI)("modulo %s", (_, modulus) => {
  const length = Math.ceil(modulus.toString(2).length / 32) * 4;
  const below = fc.oneof(
    fc.bigInt({ min: 0n, max: modulus - 1n }),
    fc.constantFrom(0n, 1n, 2n % modulus, modulus - 1n, modulus - 2n, modulus >> 1n),
  );
  const encoded = (value: bigint) => bytes(value, length);

  test("sums, differences and products", () => {
    calls.number("setModulus", encoded(modulus));
    fc.assert(
      fc.property(below, below, (a, b) => {
        expect(number(calls.text("add", encoded(a), encoded(b)))).toBe((a + b) % modulus);
        expect(number(calls.text("subtract", encoded(a), encoded(b)))).toBe((a - b + modulus) % modulus);
        expect(number(calls.text("product", encoded(a), encoded(b)))).toBe((a * b) % modulus);
      }),
      { numRuns: 200 },
    );
  });

  test("powers", () => {
    calls.number("setModulus", encoded(modulus));
    fc.assert(
      fc.property(below, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (base, exponent) => {
        expect(number(calls.text("power", encoded(base), bytes(exponent, 8)))).toBe(powerOf(base, exponent, modulus));
      }),
      { numRuns: 20 },
    );
  });

  test("any number of as many limbs is brought below it", () => {
    calls.number("setModulus", encoded(modulus));
    const most = 2n ** (8n * BigInt(length)) - 1n;
    fc.assert(
      fc.property(fc.oneof(fc.bigInt({ min: 0n, max: most }), fc.constantFrom(0n, most, modulus)), (any) => {
        expect(number(calls.text("roundTrip", encoded(any)))).toBe(any % modulus);
        expect(calls.bool("contains", encoded(any))).toBe(any < modulus);
      }),
      { numRuns: 200 },
    );
  });
});

import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { readMessage, writeMessage } from "../../../harness/host/foreign/protobuf.ts";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

// Vectors from the encoding guide of Protocol Buffers, and the harness's own reader and writer as the other opinion.

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

const hex = (digits: string) => Buffer.from(digits.replaceAll(" ", ""), "hex").toString("latin1");
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

const message = fc
  .array(
    fc.tuple(
      fc.integer({ min: 1, max: 3_000 }),
      fc.oneof(fc.integer({ min: 1, max: 2 ** 31 }), fc.uint8Array({ minLength: 1, maxLength: 300 })),
    ),
    { maxLength: 12 },
  )
  .map((fields) => Buffer.concat(fields.map((field) => writeMessage([field]))));

describe("messages", () => {
  test.each([
    ["a varint", "08 96 01"],
    ["text", "12 07 74 65 73 74 69 6e 67"],
    ["a message", "1a 03 08 96 01"],
    ["a negative number in ten bytes", "08 ff ff ff ff ff ff ff ff ff 01"],
    ["the greatest field number", "f8 ff ff ff 0f 01"],
  ])("are read and written as the encoding guide has them: %s", (_, digits) => {
    expect(calls.text("rewrite", hex(digits))).toBe(hex(digits));
  });

  test.each([
    ["08 01", 1n],
    ["08 ff ff ff ff ff ff ff ff ff 01", 2n ** 64n - 1n],
    ["09 01 02 03 04 05 06 07 08", 0x0807060504030201n],
    ["0d 01 02 03 04", 0x04030201n],
    ["08 80 00", 0n],
  ])("values of every width are read: %s", (digits, value) => {
    const bytes = calls.number("firstValue", hex(digits));
    expect(BigInt.asUintN(64, BigInt(bytes))).toBe(BigInt.asUintN(64, BigInt(Number(BigInt.asIntN(64, value)))));
  });

  test("that another writer wrote come out as they went in", () => {
    fc.assert(
      fc.property(message, (bytes) => void expect(calls.text("rewrite", latin1(bytes))).toBe(latin1(bytes))),
      { numRuns: 1_000 },
    );
  });

  test("stand one in the other, however large", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 3_000 }),
        fc.integer({ min: 1, max: 2 ** 31 }),
        fc.nat(5),
        (bytes, number, depth) => {
          let expected = writeMessage([
            [1, bytes],
            [2, number],
          ]);
          for (let i = 0; i < depth; i++) expected = writeMessage([[3, expected]]);
          expect(calls.text("nest", latin1(bytes), BigInt(number), depth)).toBe(latin1(expected));
        },
      ),
    );
  });
});

describe("malformed", () => {
  test.each([
    ["field 0", "00 01"],
    ["field 0 with a length", "02 00"],
    ["a field number past 29 bits", "80 80 80 80 10 01"],
    ["the start of a group", "0b 0c"],
    ["the end of a group", "0c"],
    ["wire type 6", "0e 01"],
    ["wire type 7", "0f 01"],
    ["a tag that ends", "88"],
    ["a varint that ends", "08 80"],
    ["a varint of eleven bytes", "08 80 80 80 80 80 80 80 80 80 80 01"],
    ["a varint of 65 bits", "08 ff ff ff ff ff ff ff ff ff 02"],
    ["no value", "08"],
    ["no length", "0a"],
    ["a length past the end", "0a 02 61"],
    ["a length of 4 GiB", "0a ff ff ff ff 0f 61"],
    ["a length of 64 bits", "0a ff ff ff ff ff ff ff ff ff 01 61"],
    ["half of a fixed64", "09 01 02 03 04"],
    ["half of a fixed32", "0d 01 02"],
  ])("%s", (_, digits) => {
    expect(calls.bool("readable", hex(digits))).toBe(false);
    expect(calls.text("rewrite", hex(digits))).toBeNull();
  });

  test("bytes of any kind are read to their end or refused, and never read where another reader refuses", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), mutated), (bytes) => {
        const readable = calls.bool("readable", latin1(bytes));
        if (readable) expect(readMessage(bytes)).toBeDefined();
      }),
      { numRuns: 5_000 },
    );
  });

  test("reading and writing leave memory as it was", () => {
    expect(calls.growth("rewrite", hex("08 96 01 12 07 74 65 73 74 69 6e 67"))).toBe(0);
  });
});

const mutated = fc
  .tuple(message, fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 3 }), fc.nat(400))
  .map(([bytes, edits, cut]) => {
    const copy = Buffer.from(bytes.subarray(0, Math.max(bytes.length - (cut % 5), 0)));
    for (const [at, value] of edits) if (copy.length > 0) copy[at % copy.length] = value;
    return copy;
  });

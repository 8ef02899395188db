import { createHash } from "node:crypto";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

const hex = (digest: string | null) => Buffer.from(digest ?? "", "latin1").toString("hex");
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const oracle = (text: string) => createHash("sha256").update(text, "latin1").digest("hex");

/** Bytes that differ from block to block. */
const bytesOf = (length: number) => latin1(Uint8Array.from({ length }, (_, index) => (index * 167 + (index >> 8)) & 0xff));

describe("the examples of FIPS 180-4", () => {
  test.each([
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    ["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"],
    [
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
    ],
  ])("%j", (text, digest) => {
    expect(hex(calls.text("oneShot", text))).toBe(digest);
  });

  test("a million times a", () => {
    expect(hex(calls.text("repeated", 0x61, 1_000_000))).toBe("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  });
});

describe("with node:crypto as the oracle", () => {
  test("every length from 0 to 300", () => {
    for (let length = 0; length <= 300; length++) {
      const text = bytesOf(length);
      expect(hex(calls.text("oneShot", text)), `${length} bytes`).toBe(oracle(text));
    }
  });

  test.each([4_095, 4_096, 65_537, 1_000_003])("%i bytes", (length) => {
    const text = bytesOf(length);
    expect(hex(calls.text("oneShot", text))).toBe(oracle(text));
  });

  test("any bytes, in one and in parts of any size", () => {
    const cuts = fc.array(fc.nat(300), { maxLength: 6 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300, size: "max" }), cuts, (bytes, places) => {
        const text = latin1(bytes);
        const ends = [...places.map((place) => Math.min(place, text.length)).toSorted((left, right) => left - right), text.length];
        calls.number("start", 0);
        ends.forEach((end, index) => calls.number("update", 0, text.slice(ends[index - 1] ?? 0, end)));
        expect(hex(calls.text("digest", 0))).toBe(oracle(text));
        expect(hex(calls.text("oneShot", text))).toBe(oracle(text));
      }),
      { numRuns: 500 },
    );
  });

  test("every place to cut three blocks in two", () => {
    const text = bytesOf(192);
    const expected = oracle(text);
    for (let cut = 0; cut <= text.length; cut++) {
      calls.number("start", 0);
      calls.number("update", 0, text.slice(0, cut));
      calls.number("update", 0, text.slice(cut));
      expect(hex(calls.text("digest", 0)), `cut at ${cut}`).toBe(expected);
    }
  });

  test("two streams at once do not disturb each other", () => {
    calls.number("start", 0);
    calls.number("start", 1);
    for (let i = 0; i < 10; i++) {
      calls.number("update", 0, bytesOf(37));
      calls.number("update", 1, bytesOf(91));
    }
    expect(hex(calls.text("digest", 0))).toBe(oracle(bytesOf(37).repeat(10)));
    expect(hex(calls.text("digest", 1))).toBe(oracle(bytesOf(91).repeat(10)));
  });
});

test("its state has room for the block", () => {
  expect(calls.bool("stateFits")).toBe(true);
});

test("makes no managed object", () => {
  expect(calls.growth("oneShot", "some bytes")).toBe(0);
  calls.number("start", 0);
  expect(calls.growth("update", 0, "some bytes")).toBe(0);
});

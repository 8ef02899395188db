import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { loadAssembly, type Assembly } from "../../testing/assembly.ts";

/** Sizes around those at which another way is taken: 4, 8 and 64. */
const SIZES = Array.from({ length: 81 }, (_, size) => size);
const OFFSETS = [0, 1, 3, 7];

let assembly: Assembly;
let left: number;
let right: number;

beforeAll(async () => {
  assembly = await loadAssembly(join(import.meta.dirname, "testing.ts"));
  left = call("place", 256);
  right = call("place", 256);
});

const call = (name: string, ...values: readonly number[]) => Number(assembly.exports[name]?.(...values));
const memory = () => new Uint8Array(assembly.memory.buffer);

test("bytes are the same where none of them differs, and only there", () => {
  for (const size of SIZES) {
    for (const offset of OFFSETS) {
      const bytes = memory();
      for (let i = 0; i < 128; i++) bytes[left + i] = bytes[right + offset + i] = (i * 37) & 0xff;
      bytes[left + size] = 1;
      bytes[right + offset + size] = 2;
      expect([size, offset, call("same", left, right + offset, size)]).toEqual([size, offset, 1]);
      for (let at = 0; at < size; at++) {
        bytes[left + at] = (bytes[left + at] ?? 0) ^ 0x80;
        expect([size, offset, at, call("same", left, right + offset, size)]).toEqual([size, offset, at, 0]);
        bytes[left + at] = (bytes[left + at] ?? 0) ^ 0x80;
      }
    }
  }
});

test("the first of a byte is found from any place on, among bytes that differ from it by one bit or by one", () => {
  for (const byte of [0, 1, 0x2e, 0x7f, 0x80, 0x81, 0xff]) {
    const others = [byte ^ 1, byte ^ 0x80, (byte + 1) & 0xff, (byte + 255) & 0xff];
    for (const length of [0, 1, 7, 8, 9, 15, 16, 17, 40]) {
      for (let at = 0; at <= length; at++) {
        const bytes = memory();
        for (let i = 0; i < length; i++) bytes[left + i] = others[i % others.length] ?? 0;
        // Also behind the end, where it must not be seen, and a second time.
        for (const place of [at, at + 3, length]) bytes[left + place] = byte;
        const buffer = Buffer.from(bytes.slice(left, left + length));
        for (const from of [0, at - 1, at, at + 1, length, length + 1]) {
          if (from < 0) continue;
          const found = call("indexOf", left, length, byte, from);
          expect([byte, length, at, from, found]).toEqual([byte, length, at, from, from > length ? -1 : buffer.indexOf(byte, from)]);
        }
      }
    }
  }
});

test("a copy has every byte, and leaves those around it", () => {
  for (const size of SIZES) {
    for (const offset of OFFSETS) {
      const bytes = memory();
      for (let i = 0; i < 200; i++) bytes[left + i] = (i * 37 + 1) & 0xff;
      bytes.fill(0, right, right + 200);
      call("copy", right + 8 + offset, left, size);
      const expected = new Uint8Array(200);
      expected.set(bytes.subarray(left, left + size), 8 + offset);
      expect(bytes.slice(right, right + 200)).toEqual(expected);
    }
  }
});

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

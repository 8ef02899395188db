import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Assembly, loadAssembly } from "../../testing/assembly.ts";

let assembly: Assembly;

beforeAll(async () => {
  assembly = await loadAssembly(join(import.meta.dirname, "testing.ts"));
});

function call(name: string, text: string): number {
  const { pointer, length } = assembly.write(text);
  return assembly.exports[name]?.(pointer, length) ?? Number.NaN;
}

function clear(): void {
  assembly.reset();
  assembly.exports["clear"]?.();
}

const key = fc.string({ minLength: 0, maxLength: 12, unit: fc.constantFrom("a", "b", "/") });

describe("a table of byte keys", () => {
  test("finds what a Set finds", () => {
    fc.assert(
      fc.property(fc.array(key, { maxLength: 60 }), fc.array(key, { maxLength: 30 }), (keys, probes) => {
        clear();
        for (const each of keys) call("tableSet", each);
        const oracle = new Set(keys);
        for (const probe of [...keys, ...probes]) expect(call("tableGet", probe)).toBe(oracle.has(probe) ? 1 : 0);
      }),
    );
  });
});

describe("a table of prefixes", () => {
  test("meets each prefix of the input once, shortest first", () => {
    fc.assert(
      fc.property(fc.array(key, { maxLength: 60 }), key, key, (prefixes, left, right) => {
        clear();
        for (const each of prefixes) call("prefixSet", each);
        const input = left + right;
        expect(call("prefixCount", input)).toBe([...new Set(prefixes)].filter((prefix) => input.startsWith(prefix)).length);
      }),
    );
  });
});

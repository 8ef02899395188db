import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

test.each([
  ["exact", 0],
  ["prefix", 1],
  ["suffix", 2],
  ["contains", 3],
  ["regex", 4],
])("a match by %s makes no managed object", (_, kind) => {
  for (const ignoreCase of [0, 1]) {
    calls.bool("compile", kind, "Beta", ignoreCase);
    expect(calls.growth("matches", "user-Beta")).toBe(0);
  }
});

test("a match by range makes no managed object", () => {
  calls.number("compileRange", 0n, 10n);
  expect(calls.growth("matches", " +5 ")).toBe(0);
});

import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
  for (const range of ["10.0.0.0/8", "::1", "192.168.0.0/16"]) calls.bool("add", range);
  calls.number("build");
});

test.each([
  ["version", "2001:db8::1"],
  ["hasAddress", "[::1]:80", "::1"],
  ["rangeContains", "10.0.0.0/8", "10.0.0.1"],
  ["setContains", "10.0.0.1"],
] as const)("%s makes no managed object", (name, ...values) => {
  expect(calls.growth(name, ...values)).toBe(0);
});

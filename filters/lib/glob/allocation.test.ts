import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
  calls.number("globCompile", "*.Example");
  calls.number("pathCompile", "/a/{*}/{**}");
  calls.number("templateCompile", "/a/{b}/{c=**}.js");
  calls.number("rewriteCompile", "/{c}/{b}");
});

test.each([
  ["globMatches", "a.Example"],
  ["globMatchesIgnoreCase", "a.example"],
  ["pathMatches", "/a/b/c/d"],
  ["templateMatches", "/a/b/c/d.js"],
  ["rewrite", "/a/b/c/d.js"],
] as const)("%s makes no managed object", (name, ...values) => {
  expect(calls.growth(name, ...values)).toBe(0);
});

test("compiling makes some, so the measure sees them", () => {
  expect(calls.growth("globCompile", "*.Example")).toBeGreaterThan(0);
});

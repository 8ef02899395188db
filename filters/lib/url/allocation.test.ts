import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

test.each([
  ["path", "/a?b#c"],
  ["query", "/a?b#c"],
  ["fragment", "/a?b#c"],
  ["queryValue", "a=1&b=2&a=3", "a", 1],
  ["cookie", "a=1; b=2", "b"],
  ["percentDecode", "%41b%2f"],
  ["badEscape", "%41%"],
  ["canonicalPath", "/a/..;x//%41%2f%%300\\\\?b", 1, 1, 2],
  ["host", "Reviews:80"],
  ["sameHost", "Reviews:80", "reviews"],
  ["defaultPort", "https"],
] as const)("%s makes no managed object", (name, ...values) => {
  expect(calls.growth(name, ...values)).toBe(0);
});

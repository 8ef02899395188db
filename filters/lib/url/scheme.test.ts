import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

describe("the scheme", () => {
  test.each([
    ["http", 80, true],
    ["HTTPS", 443, true],
    ["hTtP", 80, true],
    ["httpx", -1, true],
    ["ftp", -1, true],
    ["a+b-c.1", -1, true],
    ["1a", -1, false],
    ["", -1, false],
    ["http:", -1, false],
    ["h\u0014tp", -1, false],
    ["htt\u0010", -1, false],
  ])("%j implies the port %i; well formed: %j", (scheme, port, valid) => {
    expect(calls.number("defaultPort", scheme)).toBe(port);
    expect(calls.bool("isValidScheme", scheme)).toBe(valid);
  });

  test("is compared without regard to letter case", () => {
    expect(calls.bool("isScheme", "HTTPS", "https")).toBe(true);
    expect(calls.bool("isScheme", "http", "https")).toBe(false);
  });
});

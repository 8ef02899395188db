import { isIP } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

describe("a socket address", () => {
  test.each([
    ["10.0.0.1:8080", "10.0.0.1", 8080],
    ["[::1]:0", "::1", 0],
    ["[fe80::1%eth0]:65535", "fe80::1", 65535],
    ["[::ffff:10.0.0.1]:1", "::ffff:a00:1", 1],
  ])("%j is %j with port %i", (text, address, port) => {
    expect(calls.number("port", text)).toBe(port);
    expect(calls.bool("hasAddress", text, address)).toBe(true);
  });

  test.each([
    "",
    "10.0.0.1",
    "10.0.0.1:",
    "10.0.0.1:65536",
    "10.0.0.1:-1",
    "10.0.0.1:1 ",
    "::1:80",
    "[::1]",
    "[::1:80",
    "::1]:80",
    "[10.0.0.1]:80",
    "[]:80",
    "[%]:80",
    "[::1%]:80",
    "[::1]x:80",
    ":80",
    "/run/envoy.sock",
    "@envoy_internal_listener:80",
    "localhost:80",
  ])("%j is none", (text) => {
    expect(calls.number("port", text)).toBe(-1);
  });

  test("of any text is one where its parts are", () => {
    const part = fc.constantFrom("[", "]", ":", "::1", "10.0.0.1", "8080", "99999", "%", "eth0", "", "\u0000");
    const text = fc.array(part, { maxLength: 7 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, (input) => {
        const match = /^(?:\[([^%]*)(%[^\]]+)?\]|([^:]*)):(\d{1,5})$/s.exec(input);
        const valid = match !== null && (isIP(match[1] ?? "") === 6 || isIP(match[3] ?? "") === 4) && Number(match[4]) < 65536;
        expect(calls.number("port", input)).toBe(valid ? Number(match[4]) : -1);
      }),
      { numRuns: 1000 },
    );
  });
});

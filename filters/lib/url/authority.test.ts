import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

const NO_PORT = -1;
const BAD_PORT = -2;

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

describe("an authority", () => {
  test.each([
    ["reviews", "reviews", NO_PORT],
    ["reviews:8080", "reviews", 8080],
    ["a.example.:80", "a.example.", 80],
    ["10.0.0.1:0", "10.0.0.1", 0],
    ["[::1]", "[::1]", NO_PORT],
    ["[::1]:65535", "[::1]", 65535],
    ["[::1]:65536", "[::1]", BAD_PORT],
    ["a:", "a", BAD_PORT],
    ["a:b", "a", BAD_PORT],
    ["a:+1", "a", BAD_PORT],
    ["a:000001", "a", BAD_PORT],
    ["a:1:2", "a:1", 2],
    [":80", "", 80],
    ["", "", NO_PORT],
    ["[::1", "[:", 1],
  ])("%j has the host %j and the port %i", (authority, host, port) => {
    expect(calls.text("host", authority)).toBe(host);
    expect(calls.text("hostOf", authority)).toBe(host);
    expect(calls.number("port", authority)).toBe(port);
  });

  test.each([
    ["Reviews:80", "reviews", true],
    ["[::1]:80", "[::1]", true],
    ["a.example.", "a.example", false],
    ["\u00c4", "\u00e4", false],
    ["a:80", "b:80", false],
  ])("%j and %j are the same host: %j", (left, right, same) => {
    expect(calls.bool("sameHost", left, right)).toBe(same);
  });

  test.each([
    ["[::1]", "::1"],
    ["a", "a"],
    ["[", "["],
    ["[]", ""],
    ["[a", "[a"],
  ])("%j without brackets is %j", (host, address) => {
    expect(calls.text("withoutBrackets", host)).toBe(address);
  });

  test("of any bytes is cut at the last colon unless a bracket closes behind it", () => {
    const authority = fc.string({ unit: fc.constantFrom("a", ":", "[", "]", "1", "9", ".", "\u0000", "\u00ff") });
    fc.assert(
      fc.property(authority, (input) => {
        const match = /^(.*):([^\]:]*)$/s.exec(input);
        const digits = match?.[2] ?? "";
        const port = /^\d{1,5}$/.test(digits) && Number(digits) < 65536 ? Number(digits) : BAD_PORT;
        expect(calls.text("host", input)).toBe(match?.[1] ?? input);
        expect(calls.number("port", input)).toBe(match === null ? NO_PORT : port);
      }),
    );
  });
});

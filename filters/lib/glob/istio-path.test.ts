import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

const UNSUPPORTED_BY_ISTIO = 12;

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

describe("a path of an AuthorizationPolicy", () => {
  // What istiod 1.29 with Envoy 1.40 was seen to do: no empty segment and no trailing slash for {*}, /f/ but not /f for {**}.
  test.each([
    ["/a", "/a", true],
    ["/a*", "/ab/c", true],
    ["*.js", "/x.js", true],
    ["*", "", false],
    ["/f/{*}", "/f/a", true],
    ["/f/{*}", "/f/", false],
    ["/f/{*}", "/f/a/", false],
    ["/f/{*}", "/f", false],
    ["/f/{**}", "/f/", true],
    ["/f/{**}", "/f", false],
    ["/f/{**}", "/f/a/b/", true],
    ["/{*}/b/{**}", "/a/b/c", true],
    ["/{*}/b", "/*/b", true],
    ["/{*}.js", "/x.js", true],
    ["/a/{**}/z", "/a/b/c/z", true],
    ["/f/{x}", "/f/{x}", true],
  ])("%j matches %j: %j", (pattern, path, matches) => {
    expect(calls.number("pathCompile", pattern)).toBe(0);
    expect(calls.bool("pathMatches", path)).toBe(matches);
  });

  test.each([
    ["/{*}/{x}", UNSUPPORTED_BY_ISTIO, 5],
    ["/*/{*}", UNSUPPORTED_BY_ISTIO, 1],
    ["/{*}/{}", UNSUPPORTED_BY_ISTIO, 5],
    ["/{*}/{x=*}", UNSUPPORTED_BY_ISTIO, 5],
    ["/{*}/**", UNSUPPORTED_BY_ISTIO, 5],
    ["{*}", 1, 0],
    ["/{**}/{*}", 10, 6],
    ["/a/{*}/\u00e9", 1, 7],
    ["/b{*}", 3, 2],
  ])("%j is refused with error %i at %i", (pattern, error, offset) => {
    expect([calls.number("pathCompile", pattern), calls.number("pathErrorOffset")]).toEqual([error, offset]);
    expect(calls.number("messageLength", error)).toBeGreaterThan(0);
  });

  test("of any bytes never traps", () => {
    const part = fc.constantFrom("/", "*", "{*}", "{**}", "{", "}", "a", "{a}", "\u0000", "\u00ff");
    const any = fc.array(part, { maxLength: 10 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(any, any, (pattern, path) => {
        if (calls.number("pathCompile", pattern) === 0) calls.bool("pathMatches", path);
        else expect(calls.number("pathErrorOffset")).toBeLessThanOrEqual(pattern.length);
      }),
    );
  });
});

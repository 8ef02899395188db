import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { type Asked, clock, limit, limits, load, open, passing, plugin, send } from "./tester.mts";

// Ways past a filter that others had, and ways to bring one down. Each second request must be limited as the first one's client is, or be refused.

const by = (...descriptors: readonly object[]) => limits({ descriptors });
const x = (...list: readonly string[]) => ({ headers: list.map((value) => ["x-h", value] as const) });
const token = (text: string) => ({ authentication: text });

describe("attacks: another spelling of the same", () => {
  test.each<readonly [string, object, Asked, Asked]>([
    ["CVE-2019-9901: a path with dot segments", by({ path: true }), { path: "/a" }, { path: "/b/../a" }],
    ["CVE-2019-9901: a path with escaped letters", by({ path: true }), { path: "/a" }, { path: "/%61" }],
    ["CVE-2021-31920: slashes in a row", by({ path: true }), { path: "/a/b" }, { path: "/a//b" }],
    ["CVE-2021-29492: an escaped slash", by({ path: true }), { path: "/a/b" }, { path: "/a%2Fb" }],
    ["CVE-2021-29492: an escaped backslash", by({ path: true }), { path: "/a/b" }, { path: "/a%5Cb" }],
    ["CVE-2021-29492: a backslash", by({ path: true }), { path: "/a/b" }, { path: "/a\\b" }],
    ["CVE-2021-32779: a fragment", by({ path: true }), { path: "/a" }, { path: "/a#x" }],
    ["CVE-2026-73511: parameters of a dot segment", by({ path: true }), { path: "/a" }, { path: "/x/..;p=1/a" }],
    ["CVE-2026-26205: two slashes in front", by({ path: true }), { path: "/a" }, { path: "//a" }],
    [
      "CVE-2023-27487: a forged x-envoy-original-path",
      by({ path: true }),
      { path: "/a" },
      { path: "/a", headers: [["x-envoy-original-path", "/b"]] },
    ],
    ["another query", by({ path: true }), { path: "/a" }, { path: "/a?b" }],
    [
      "CVE-2026-73547: CONNECT without a path",
      by({ path: true }),
      { method: "CONNECT", path: undefined },
      { method: "CONNECT", path: undefined },
    ],
    ["CVE-2021-39155: the host in capitals", by({ authority: true }), { authority: "a.example" }, { authority: "A.EXAMPLE" }],
    ["a trailing dot of the host", by({ authority: true }), { authority: "a.example" }, { authority: "a.example." }],
    ["a port behind the host", by({ authority: true }), { authority: "a.example" }, { authority: "a.example:8080" }],
    ["CVE-2023-35944: the scheme in capitals", by({ path: true }), {}, { headers: [[":scheme", "HTTP"]] }],
    ["another port of the client", by({ sourceAddress: true }), { source: "10.0.0.1:1" }, { source: "10.0.0.1:2" }],
    ["a forged x-forwarded-for", by({ sourceAddress: true }), {}, { headers: [["x-forwarded-for", "203.0.113.1"]] }],
    [
      "CVE-2024-45806: x-envoy-external-address",
      by({ sourceAddress: true }),
      {},
      { headers: [["x-envoy-external-address", "203.0.113.1"]] },
    ],
    [
      "another address of the same IPv6 network",
      by({ sourceAddress: { v6PrefixMaskLen: 64 } }),
      { source: "[fd00::1]:1" },
      { source: "[fd00::2]:1" },
    ],
    ["a zone behind an address", by({ sourceAddress: true }), { source: "[fe80::1]:1" }, { source: "[fe80::1%eth1]:1" }],
    ["an address written out", by({ sourceAddress: true }), { source: "[fd00::1]:1" }, { source: "[fd00:0:0:0:0:0:0:1]:1" }],
    ["a claim with escapes", by({ claim: "sub" }), token('{"claims":{"sub":"ann"}}'), token('{"claims":{"sub":"\\u0061nn"}}')],
    ["a header with underscores, skipped", by({ header: "x-h", skipIfAbsent: true }), {}, { headers: [["x_h", "a"]] }],
    ["a header left out, skipped", by({ header: "x-h", skipIfAbsent: true }), {}, {}],
    ["a header's name in capitals", by({ header: "x-h" }), x("a"), { headers: [["X-H", "a"]] }],
  ])("%s", (_, configuration, one, other) => {
    load(configuration);
    expect(send(one)).toBe("passed");
    expect(send(other)).toBe("ratelimit_limited[limit-0]");
  });
});

describe("attacks: a bucket of somebody else", () => {
  test.each<readonly [string, object, Asked, Asked]>([
    ["CVE-2020-25017: a second value of a header", by({ header: "x-h" }), x("victim"), x("victim", "me")],
    ["CVE-2026-26308: two values joined to the victim's one", by({ header: "x-h" }), x("a,b"), x("a", "b")],
    [
      "values moved from one header to the next",
      by({ header: "x-h" }, { header: "x-i" }),
      {
        headers: [
          ["x-h", "a"],
          ["x-h", "b"],
          ["x-i", "c"],
        ],
      },
      {
        headers: [
          ["x-h", "a"],
          ["x-i", "b"],
          ["x-i", "c"],
        ],
      },
    ],
    ["CVE-2019-9900: a NUL in a header", by({ header: "x-h" }), x("victim"), x("victim\0")],
    ["bytes that are not ASCII", by({ header: "x-h" }), x("victim"), x("victim\xff")],
    ["an empty header for a missing one", by({ header: "x-h", skipIfAbsent: true }), {}, x("")],
    ["a claim of another name", by({ claim: "sub" }), token('{"claims":{"sub":"ann"}}'), token('{"claims":{"sub":"bob","sub2":"ann"}}')],
    ["a claim within another", by({ claim: "[a][b]" }), token('{"claims":{"a":{"b":"x"}}}'), token('{"claims":{"a.b":"x","a":{"b":"y"}}}')],
    ["an IPv4 address in an IPv6 one", by({ sourceAddress: true }), { source: "10.0.0.1:1" }, { source: "[::ffff:10.0.0.1]:1" }],
    ["letter case of a path", by({ path: true }), { path: "/a" }, { path: "/A" }],
    ["letter case of a method", by({ method: true }), { method: "GET" }, { method: "get" }],
  ])("%s is not taken from", (_, configuration, victim, other) => {
    load(configuration);
    expect(send(other)).toBe("passed");
    expect(send(victim)).toBe("passed");
    expect(send(victim)).toBe("ratelimit_limited[limit-0]");
  });
});

describe("attacks: what cannot be decoded is refused", () => {
  test.each<readonly [string, object, Asked]>([
    ["CVE-2025-66220: a NUL in a SAN", by({ principal: true }), { principal: "spiffe://td/ns/a/sa/b\0.evil" }],
    ["CVE-2026-47778: a NUL at the end of a SAN", by({ principal: true, skipIfAbsent: true }), { principal: "spiffe://td/ns/a/sa/b\0" }],
    ["a principal that is too long", by({ principal: true }), { principal: `spiffe://${"a".repeat(3_000)}` }],
    ["a token that is no JSON", by({ claim: "sub" }), token("{")],
    ["a token with a claim twice", by({ claim: "sub" }), token('{"claims":{"sub":"a","sub":"b"}}')],
    ["a token of a thousand levels", by({ claim: "sub", skipIfAbsent: true }), token("[".repeat(1_000) + "]".repeat(1_000))],
    ["a token past the limit", by({ requestPrincipal: true }), token(JSON.stringify({ x: "y".repeat(300_000) }))],
    ["%00 in a path", by({ path: true }), { path: "/a%00b" }],
  ])("%s", (_, configuration, asked) => {
    load(configuration);
    expect([send(asked), send(asked)]).toEqual(["ratelimit_undecodable_descriptor", "ratelimit_undecodable_descriptor"]);
  });
});

describe("attacks: on the filter itself", () => {
  test.each(["ENVOY", "WORKER"])("a flood of keys does not free the one who flooded before (%s)", (scope) => {
    load(
      limits({ scope, descriptors: [{ header: "x-h" }], maxDynamicDescriptors: 64, tokenBucket: { maxTokens: 10, fillInterval: "1h" } }),
    );
    expect(passing(20, x("greedy"))).toBe(10);
    for (let i = 0; i < 5_000; i++) send(x(`flood ${i}`));
    expect(passing(20, x("greedy"))).toBe(0);
  });

  test("a flood that one limit refuses does not empty another", () => {
    load({ limits: [limit({ name: "one", descriptors: [{ sourceAddress: true }] }), limit({ name: "all" }, 3)] });
    expect(passing(1_000, { source: "10.0.0.1:1" })).toBe(1);
    expect(send({ source: "10.0.0.2:1" })).toBe("passed");
  });

  test("CVE-2023-27493: nothing that a client sends comes back in a header", () => {
    load(by({ header: "x-h" }, { path: true }));
    const asked = { path: "/a%0d%0aset-cookie:x", ...x("a\r\nset-cookie: x") };
    send(asked);
    const { response } = open(asked);
    expect(JSON.stringify(response?.headers)).not.toContain("set-cookie");
  });
});

const EVERYTHING = {
  rateLimitHeaders: "ALWAYS",
  limits: [
    limit({ name: "a", descriptors: [{ header: "x-h" }, { path: true, skipIfAbsent: true }, { authority: true }], scope: "WORKER" }, 3),
    limit(
      {
        name: "b",
        descriptors: [
          { principal: true, skipIfAbsent: true },
          { claim: "[a][b]", skipIfAbsent: true },
        ],
      },
      100,
    ),
    limit({ name: "c", descriptors: [{ requestPrincipal: true }, { consumer: true, skipIfAbsent: true }, { method: true }] }, 2),
    limit(
      { name: "d", descriptors: [{ sourceAddress: { v4PrefixMaskLen: 8, v6PrefixMaskLen: 0 } }], match: { uri: { regex: "/(a|b)*" } } },
      2,
    ),
    limit({ name: "e", match: { headers: { "x-h": { regex: "(x+x+)+y" } } }, shadowMode: true }),
  ],
};
const value = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom(
    "",
    "x".repeat(5_000),
    "\0",
    "\xff\xfe",
    "%00",
    "%2e%2e/".repeat(500),
    "/..".repeat(400),
    '{"principal":"a","claims":{"a":{"b":["c"]}}}',
  ),
);
const asked = fc.record(
  {
    path: fc.oneof(value, fc.constantFrom("/", "/a", "/ab//b", undefined)),
    method: value,
    authority: value,
    principal: value,
    source: fc.oneof(value, fc.constantFrom("10.0.0.1:5", "[::1]:0", "[fe80::1%eth0]:9", "/run/socket")),
    authentication: value,
    headers: fc.array(fc.tuple(fc.constantFrom("x-h", "x-forwarded-for", ":path", ":authority"), value), { maxLength: 6 }),
    worker: fc.nat(1),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Asked>;

describe("requests of any kind", () => {
  beforeEach(() => {
    load(EVERYTHING);
  });

  test("are decided", () => {
    fc.assert(
      fc.property(asked, (request) => {
        expect(send(request)).toMatch(/^passed$|^ratelimit_(limited\[[a-e]\]|undecodable_descriptor)$/);
        clock.advance(60_000);
      }),
      { numRuns: 1_000 },
    );
  });

  test("leave memory as it was", () => {
    const samples = fc.sample(asked, { seed: 7, numRuns: 2_000 });
    for (const request of samples) send(request);
    const before = plugin.memorySize();
    for (const request of samples) send(request);
    expect(plugin.memorySize()).toBe(before);
  });
});

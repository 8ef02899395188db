import { describe, expect, test } from "vitest";
import { type Attack, CUSTOM, decided, plugin, useModule } from "./direct.mts";

useModule();

const DENY = (rule: object, more: object = {}) => JSON.stringify({ ...more, policies: [{ name: "p", action: "DENY", rules: [rule] }] });
const ALLOW = (rule: object, more: object = {}) => JSON.stringify({ ...more, policies: [{ name: "p", rules: [rule] }] });
const to = (operation: object) => ({ to: [{ operation }] });
const from = (source: object) => ({ from: [{ source }] });
const when = (name: string, list: readonly string[]) => ({ when: [{ key: name, values: list }] });
const x = (...list: readonly string[]) => list.map((value) => ["x-h", value] as const);
const ADMIN = DENY(to({ paths: ["/admin", "/admin/*"] }));

// Ways past an access filter that others had. Each request must be denied.
describe("attacks", () => {
  test.each<readonly [string, string, Attack]>([
    ["CVE-2019-9900: a NUL in a header", DENY(when("request.headers[x-h]", ["evil"])), { headers: x("evil\0") }],
    ["CVE-2019-9901: a path with dot segments", ADMIN, { path: "/public/../admin" }],
    ["CVE-2019-9901: a path with escaped letters", ADMIN, { path: "/%61dmin" }],
    ["CVE-2020-25017: the second of two headers", DENY(when("request.headers[x-h]", ["evil"])), { headers: x("good", "evil") }],
    ["CVE-2026-26308: two values joined to a third", ALLOW(when("request.headers[x-h]", ["a,b"])), { headers: x("a", "b") }],
    ["CVE-2026-31838: one of two values of a denied header", DENY(when("request.headers[x-h]", ["*evil"])), { headers: x("evil", "x") }],
    ["CVE-2026-73552: bytes that are not ASCII", DENY(when("request.headers[x-h]", ["evil*"])), { headers: x("evil\xff") }],
    ["CVE-2023-27488: bytes that are not UTF-8 in a path", DENY(to({ paths: ["*"] })), { path: "/\xff" }],
    ["CVE-2021-31920: slashes in a row", DENY(to({ paths: ["/admin"] }), { pathNormalization: "MERGE_SLASHES" }), { path: "//admin" }],
    [
      "CVE-2021-29492: an escaped slash",
      DENY(to({ paths: ["/a/admin"] }), { pathNormalization: "DECODE_AND_MERGE_SLASHES" }),
      { path: "/a%2Fadmin" },
    ],
    ["CVE-2021-29492: a backslash", ADMIN, { path: "/a\\..\\admin" }],
    ["CVE-2021-32779: a fragment", ADMIN, { path: "/admin#x" }],
    ["CVE-2021-39156: a fragment that looks like a path", ADMIN, { path: "/admin#/../x" }],
    ["CVE-2021-39155: the host in capitals", DENY(to({ hosts: ["admin.example"] })), { authority: "ADMIN.Example" }],
    ["CVE-2026-73511: parameters of a dot segment", ADMIN, { path: "/x/..;a=b/admin" }],
    ["CVE-2026-73553: parameters behind a segment", DENY(to({ paths: ["/admin", "/admin/*", "/admin;*"] })), { path: "/admin;a=b" }],
    ["CVE-2025-46821: a star in the path", DENY(to({ paths: ["/a/{*}"] })), { path: "/a/*" }],
    ["CVE-2026-26205: two slashes in front", DENY(to({ paths: ["//admin*"] })), { path: "//admin/x" }],
    ["CVE-2026-73547: CONNECT without a path", ADMIN, { method: "CONNECT", path: undefined }],
    ["CVE-2026-73547: CONNECT without a path, notPaths", ALLOW(to({ notPaths: ["/admin"] })), { method: "CONNECT", path: undefined }],
    ["CVE-2025-66220: a NUL in a SAN", ALLOW(from({ principals: ["*"] })), { principal: "spiffe://td/ns/a/sa/b\0.evil" }],
    ["CVE-2026-47778: a NUL in a SAN, negated", ALLOW(from({ notPrincipals: ["x"] })), { principal: "spiffe://td/ns/a/sa/b\0" }],
    ["CVE-2023-27487: a forged x-envoy-original-path", ADMIN, { path: "/admin", headers: [["x-envoy-original-path", "/"]] }],
    [
      "CVE-2024-45806: a forged x-envoy-external-address",
      DENY(from({ remoteIpBlocks: ["10.1.2.3"] })),
      {
        headers: [
          ["x-envoy-external-address", "203.0.113.1"],
          ["x-envoy-internal", "true"],
        ],
      },
    ],
    ["CVE-2023-27493: a line break on its way to the authoriser", CUSTOM({ http: true }), { headers: x("a\r\nx-admin: 1") }],
    [
      "CVE-2026-73547: CONNECT without a path, on its way to the authoriser",
      CUSTOM({ http: true }),
      { method: "CONNECT", path: undefined },
    ],
    [
      "CVE-2025-66220: a NUL in a SAN, on its way to the authoriser",
      CUSTOM({ http: false }),
      { principal: "spiffe://td/ns/a/sa/b\0.evil" },
    ],
    [
      "more headers than an authoriser is given",
      CUSTOM({ http: false }),
      { headers: Array.from({ length: 1_001 }, () => ["x-h", "1"] as const) },
    ],
    ["a host with a port", DENY(to({ hosts: ["admin.example", "admin.example:*"] })), { authority: "admin.example:8080" }],
    ["a forged x-forwarded-for", DENY(from({ remoteIpBlocks: ["10.1.2.3"] })), { headers: [["x-forwarded-for", "203.0.113.1"]] }],
    ["an address out of x-forwarded-for as the peer's", ALLOW(from({ ipBlocks: ["10.0.0.0/8"] })), { source: "10.1.2.3:0" }],
    ["a header with underscores", ALLOW(when("request.headers[x-h]", ["a"])), { headers: [["x_h", "a"]] }],
    ["a trailing dot of the host", ALLOW(to({ hosts: ["a.example"] })), { authority: "a.example." }],
    ["a token that is no JSON", ALLOW(from({ notRequestPrincipals: ["x"] })), { authentication: "{" }],
    ["a token with a claim twice", ALLOW(from({ notRequestPrincipals: ["x"] })), { authentication: '{"claims":{"iss":"a","iss":"x"}}' }],
    [
      "a token of a thousand levels",
      ALLOW(from({ notRequestPrincipals: ["x"] })),
      { authentication: "[".repeat(1_000) + "]".repeat(1_000) },
    ],
    [
      "a token past the limit",
      ALLOW(from({ notRequestPrincipals: ["x"] })),
      { authentication: JSON.stringify({ x: "y".repeat(300_000) }) },
    ],
  ])("%s", (_, configuration_, attack) => {
    plugin.update(configuration_);
    expect(decided(attack)).toBe(403);
  });

  test.each([true, false])("what an authoriser allows is let in (over HTTP: %s)", (http) => {
    plugin.update(CUSTOM({ http }));
    expect(decided({ headers: x("a") })).toBe(200);
  });
});

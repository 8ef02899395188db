import fc from "fast-check";
import type { Policy, Rule } from "./translate.ts";

// Policies and requests of few words, so that they meet.

/** Claims by the request header that chooses them. */
export const TOKENS = [
  { iss: "https://id.example", sub: "ann", aud: "shop", azp: "web", groups: ["staff", "admin"], n: { a: "x" }, level: 3 },
  { iss: "https://id.example", sub: "bob", aud: ["shop", "stock"], azp: "app", groups: "staff", n: { a: ["x", "y"] } },
  { iss: "other", sub: "", aud: [], groups: [], n: 1 },
] as const;

export const PRINCIPALS = [
  "spiffe://cluster.local/ns/shop/sa/ann",
  "spiffe://cluster.local/ns/shop/sa/bob",
  "spiffe://other.example/ns/stock/sa/ann",
  "spiffe://cluster.local/x/1/ns/shop/y/2/sa/ann/z/3",
] as const;

export interface GeneratedRequest {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: ReadonlyArray<readonly [string, string]>;
  readonly source: string;
  readonly port: number;
  /** Over TLS where present; empty: without a client certificate. */
  readonly principal?: string;
  readonly serverName?: string;
}

const some = (...values: readonly string[]) => fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 3 });
const PATHS = some("/a", "/a/*", "/a*", "*b", "*/b", "*", "/a/b", "/A", "/a/{*}", "/a/{**}", "/{*}/b", "/a/{*}/c", "/a/%2f", "/", "*;x");
const METHODS = some("GET", "POST", "P*", "*T", "*", "get", "DELETE");
const HOSTS = some("a.example", "A.EXAMPLE", "*.example", "a.*", "*", "a.example:80", "a.example:*", "*:80");
const PORTS = some("80", "8080", "443");
const BLOCKS = some("10.0.0.0/8", "10.1.2.3", "127.0.0.0/8", "192.168.0.0/16", "0.0.0.0/0", "fd00::/8");
const IDENTITIES = some(
  "cluster.local/ns/shop/sa/ann",
  "cluster.local/ns/shop/*",
  "*/sa/ann",
  "*ann",
  "*",
  "*/s./a.n",
  "other.example/ns/stock/sa/ann",
);
const NAMESPACES = some("shop", "stock", "s*", "*p", "*", "sho", "s.op");
const ACCOUNTS = some("ann", "shop/bob", "stock/ann", "an", "shop/a.n");
const REQUEST_PRINCIPALS = some(
  "https://id.example/ann",
  "https://id.example/*",
  "*/bob",
  "*",
  "https*",
  "*n",
  "other/",
  "other",
  "*.example/ann",
);
const WORDS = some("shop", "s*", "*k", "*", "staff", "admin", "x", "web", "3");
const SNI = some("a.example", "*.example", "a*", "*");
const VALUES = some("1", "a,b", "a", "b", "a*", "*b", "*", "a, b");

function block(fields: Readonly<Record<string, fc.Arbitrary<string[]>>>): fc.Arbitrary<Record<string, string[]>> {
  const both = Object.entries(fields).flatMap(([name, values]) => [
    [name, values] as const,
    [`not${name.charAt(0).toUpperCase()}${name.slice(1)}`, values] as const,
  ]);
  return fc.subarray(both, { minLength: 1, maxLength: 3 }).chain((chosen) => fc.record(Object.fromEntries(chosen)));
}

const source = fc.oneof(
  block({
    principals: IDENTITIES,
    namespaces: NAMESPACES,
    ipBlocks: BLOCKS,
    remoteIpBlocks: BLOCKS,
    requestPrincipals: REQUEST_PRINCIPALS,
  }),
  block({ serviceAccounts: ACCOUNTS, remoteIpBlocks: BLOCKS }),
);
const operation = block({ hosts: HOSTS, ports: PORTS, methods: METHODS, paths: PATHS });
const CONDITIONS: Readonly<Record<string, fc.Arbitrary<string[]>>> = {
  "request.headers[x-a]": VALUES,
  "request.headers[x-b]": VALUES,
  "request.headers[:path]": some("/a", "/a?*", "*"),
  "request.headers[host]": some("a.example", "*"),
  "source.ip": BLOCKS,
  "remote.ip": BLOCKS,
  "source.namespace": NAMESPACES,
  "source.principal": IDENTITIES,
  "request.auth.principal": REQUEST_PRINCIPALS,
  "request.auth.audiences": WORDS,
  "request.auth.presenter": WORDS,
  "request.auth.claims[groups]": WORDS,
  "request.auth.claims[n][a]": WORDS,
  "request.auth.claims[level]": WORDS,
  "destination.ip": BLOCKS,
  "destination.port": PORTS,
  "connection.sni": SNI,
};
const condition = fc
  .constantFrom(...Object.entries(CONDITIONS))
  .chain(([key, values]) =>
    fc.oneof(
      fc.record({ key: fc.constant(key), values }),
      fc.record({ key: fc.constant(key), notValues: values }),
      fc.record({ key: fc.constant(key), values, notValues: values }),
    ),
  );
const rule: fc.Arbitrary<Rule> = fc.record(
  {
    from: fc.array(fc.record({ source }), { minLength: 1, maxLength: 2 }),
    to: fc.array(fc.record({ operation }), { minLength: 1, maxLength: 2 }),
    when: fc.array(condition, { minLength: 1, maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const policy = fc.oneof(
  fc.record({ action: fc.constant("ALLOW" as const), rules: fc.array(rule, { maxLength: 4 }) }),
  fc.record({ action: fc.constant("DENY" as const), rules: fc.array(rule, { minLength: 1, maxLength: 3 }) }),
);

export const policies: fc.Arbitrary<Policy[]> = fc
  .array(policy, { minLength: 1, maxLength: 3 })
  .map((list) => list.map(({ action, rules }, i) => ({ name: `p${i}`, namespace: "shop", action, rules })));

/** What `authentication` never hands over: no JSON, a claim twice, too deep, too long. */
export const BROKEN_TOKENS: readonly string[] = [
  "{",
  "[]",
  '{"claims":{"iss":"a","iss":"b"}}',
  `{"claims":${'{"a":'.repeat(100)}1${"}".repeat(100)}}`,
  JSON.stringify({ claims: { iss: "x".repeat(30_000) } }).replace("}}", `,"\\u0000":"\\ud800"}}`),
];

export const request: fc.Arbitrary<GeneratedRequest> = fc.record(
  {
    method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "get"),
    path: fc.constantFrom(
      "/",
      "/a",
      "/a?b",
      "/a/b",
      "/a/b/c",
      "/A",
      "//a",
      "/a/",
      "/a//b",
      "/x/../a",
      "/a/%2f",
      "/%61",
      "/a;x",
      "/a/.b",
      "/a?/b",
    ),
    authority: fc.constantFrom("a.example", "A.Example", "a.example:80", "b.example", "a.example.", "other"),
    headers: fc
      .tuple(
        fc.array(fc.tuple(fc.constantFrom("x-a", "x-b", "X-A"), fc.constantFrom("", "a", "b", "1", "ab", "a,b", "a, b")), { maxLength: 3 }),
        fc.option(fc.integer({ min: 0, max: TOKENS.length - 1 })),
      )
      .map(([headers, token]) => [...headers, ...(token === null ? [] : [["x-token", String(token)] as const])]),
    source: fc.constantFrom("10.1.2.3:4000", "10.9.9.9:4000", "192.168.1.1:4000", "203.0.113.1:4000", "[fd00::1]:4000"),
    port: fc.constantFrom(80, 8080, 443),
    principal: fc.constantFrom(...PRINCIPALS, ""),
    serverName: fc.constantFrom("a.example", "b.example"),
  },
  { requiredKeys: ["method", "path", "authority", "headers", "source", "port"] },
);

/** Requests of which a part cannot be decoded, or is not normalised in a way that Envoy knows. */
export const undecodable: fc.Arbitrary<GeneratedRequest & { readonly brokenToken?: string }> = fc
  .tuple(
    request,
    fc.constantFrom("token", "authority", "path", "header"),
    fc.constantFrom(...BROKEN_TOKENS),
    fc.constantFrom("a.example,b.example", "b.example,a.example"),
    fc.constantFrom("/a/..;x/b", "/a/%2e%2e%2fb", "/%5c..%5ca", "/a\\b", "/a/%00", "/%ff", "/a%c0%af"),
    fc.constantFrom("\x80", "a\xff", "a\tb"),
  )
  .map(([base, what, brokenToken, authority, path, value]) => {
    if (what === "token") return { ...base, headers: base.headers.filter(([name]) => name !== "x-token"), brokenToken };
    if (what === "authority") return { ...base, authority };
    if (what === "path") return { ...base, path };
    return { ...base, headers: [...base.headers, ["x-a", value] as const] };
  });

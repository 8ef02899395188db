import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Host, HostError, ManualClock, type PluginHandle } from "../../harness/host/index.ts";
import { compileFilter } from "../testing/assembly.ts";
import { checkResponse } from "../testing/ext-authz.ts";

// Generated and broken input: no configuration and no request makes the module trap, hang or grow, and none gets in that a rule keeps out.

let module: string;
let host: Host;
let plugin: PluginHandle;

const GOOD = readFileSync(join(import.meta.dirname, "examples/config.json"), "utf8");

beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "index.ts"));
}, 120_000);

beforeEach(() => {
  host = new Host({ clock: new ManualClock(), instances: { canary: false, mainThread: false, workers: 1 } });
  host.clusters.set("portal", { http: () => ({ status: 200 }), grpc: () => ({ message: checkResponse({ code: 0 }) }) });
  plugin = host.load({ name: "authorization", module, configuration: GOOD });
});

interface Attack {
  readonly path?: string | undefined;
  readonly method?: string;
  readonly authority?: string;
  readonly headers?: ReadonlyArray<readonly [string, string]>;
  readonly principal?: string;
  readonly source?: string;
  readonly authentication?: string;
}

/** The local response's status, or 200 where the request went on. Straight into the module, without what Envoy's codecs would have refused. */
function decided(attack: Attack = {}): number {
  const { method = "GET", authority = "localhost", headers = [], principal, source = "10.1.2.3:4000", authentication } = attack;
  const path = "path" in attack ? attack.path : "/admin";
  const stream = host.chain([plugin]).openStream({
    connection: {
      sourceAddress: source,
      ...(principal !== undefined && { mtls: true, certificate: { uri_san_peer_certificate: principal } }),
    },
  });
  if (authentication !== undefined)
    stream.info.filterState.set("wasm.meshwright.authentication", { value: authentication, readonly: false });
  const pseudo: Array<readonly [string, string]> = [
    [":method", method],
    [":authority", authority],
  ];
  if (path !== undefined) pseudo.push([":scheme", "http"], [":path", path]);
  stream.sendHeaders([...pseudo, ...headers], true);
  const status = stream.state === "forwarded" ? 200 : (stream.response?.status ?? 0);
  stream.disconnect();
  return status;
}

/** Gives the live plugin a new configuration: taken, or refused in one line with a place while the one before goes on. Returns the line. */
function update(configuration: string | Uint8Array): string | undefined {
  const before = decided();
  const first = host.logs.lines.length;
  try {
    plugin.update(configuration);
    return undefined;
  } catch (error) {
    expect(HostError.from(error).code).toBe("configuration-refused");
    const lines = host.logs.lines.slice(first).filter(({ level }) => level !== "debug");
    const refusals = lines.filter(({ message }) => /^configuration of authorization refused: .* \(line \d+, column \d+\)/s.test(message));
    expect(refusals, lines.map(({ message }) => message).join("\n")).toHaveLength(1);
    expect(refusals[0]?.message).not.toMatch(/[\r\n]/);
    expect(decided()).toBe(before);
    return refusals[0]?.message;
  }
}

const text = fc.oneof(
  fc.constantFrom(
    "",
    "*",
    "/",
    "/a",
    "/a*",
    "*a",
    "{*}",
    "/{**}",
    "/a/{*}/b",
    "a/b",
    "a/b/c",
    "10.0.0.0/8",
    "fd00::/8",
    "80",
    "(",
    "[",
    "a.b",
    "**",
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const leaf = fc.oneof(text, fc.double(), fc.integer(), fc.boolean(), fc.constant(null), fc.constant([]), fc.constant({}));
const values = fc.oneof({ weight: 6, arbitrary: fc.array(text, { maxLength: 3 }) }, leaf);
const SOURCE = ["principals", "requestPrincipals", "namespaces", "serviceAccounts", "ipBlocks", "remoteIpBlocks", "typo"];
const OPERATION = ["hosts", "ports", "methods", "paths", "typo"];
const fieldsOf = (names: readonly string[]) =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.dictionary(fc.constantFrom(...names, ...names.map((n) => `not${n.charAt(0).toUpperCase()}${n.slice(1)}`)), values, {
        maxKeys: 3,
      }),
    },
    leaf,
  );
const key = fc.oneof(
  fc.constantFrom(
    "request.headers[x]",
    "request.headers[",
    "request.headers[]",
    "request.headers[:path]",
    "source.ip",
    "remote.ip",
    "source.namespace",
    "source.principal",
    "source.serviceAccount",
    "request.auth.principal",
    "request.auth.audiences",
    "request.auth.presenter",
    "request.auth.claims[a][b]",
    "request.auth.claims[",
    "request.auth.claims[a]b",
    "destination.ip",
    "destination.port",
    "connection.sni",
    "experimental.envoy.filters.a[b]",
  ),
  text,
);
const rule = fc.record(
  {
    from: fc.oneof(fc.array(fc.record({ source: fieldsOf(SOURCE) }), { maxLength: 2 }), leaf),
    to: fc.oneof(fc.array(fc.record({ operation: fieldsOf(OPERATION) }), { maxLength: 2 }), leaf),
    when: fc.oneof(fc.array(fc.record({ key, values, notValues: values }, { requiredKeys: ["key"] }), { maxLength: 2 }), leaf),
  },
  { requiredKeys: [] },
);
const policy = fc.record(
  {
    name: text,
    namespace: text,
    action: fc.constantFrom("ALLOW", "DENY", "AUDIT", "CUSTOM", "allow"),
    rules: fc.oneof(fc.array(rule, { maxLength: 3 }), leaf),
    dryRun: fc.oneof(fc.boolean(), leaf),
  },
  { requiredKeys: ["name"] },
);
const configuration = fc
  .record(
    { policies: fc.array(policy, { maxLength: 3 }), trustDomain: text, trustDomainAliases: values, trustedHops: leaf },
    { requiredKeys: ["policies"] },
  )
  .map((value) => JSON.stringify(value));

/** The example with bytes replaced, taken out or put in. */
const broken = fc
  .array(fc.tuple(fc.nat(Buffer.byteLength(GOOD)), fc.nat(3), fc.uint8Array({ maxLength: 4 })), { minLength: 1, maxLength: 4 })
  .map((edits) =>
    edits.reduce(
      (bytes, [at, removed, added]) => Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]),
      Buffer.from(GOOD),
    ),
  );

describe("configurations of any kind", () => {
  test("generated by the schema's words are taken, or refused with a place", () => {
    let taken = 0;
    fc.assert(
      fc.property(configuration, (value) => {
        if (update(value) === undefined) taken++;
      }),
      { numRuns: 600 },
    );
    expect(taken).toBeGreaterThan(0);
  });

  test("broken in places are taken, or refused with a place", () => {
    fc.assert(
      fc.property(broken, (value) => void update(value)),
      { numRuns: 600 },
    );
  });

  const PROVIDER = (fields: object) => JSON.stringify({ extensionProviders: [{ name: "x", ...fields }], policies: [] });
  const one = (fields: object) => JSON.stringify({ policies: [{ name: "p", rules: [fields] }] });
  test.each([
    ["of random bytes", Buffer.from(Array.from({ length: 400 }, (_, i) => (i * 131) & 0xff)), /not JSON/],
    ["too deep", `${"[".repeat(1_000)}${"]".repeat(1_000)}`, /not JSON/],
    ["with an unknown field", '{"policies":[],"policy":[]}', /policy: unknown field/],
    ["with an unknown field of a source", one({ from: [{ source: { principal: ["a"] } }] }), /source\.principal: unknown field/],
    ["with an empty source", one({ from: [{ source: {} }] }), /must not be empty/],
    ["with an empty list", one({ from: [{ source: { principals: [] } }] }), /must not be empty/],
    ["with an empty value", one({ to: [{ operation: { paths: [""] } }] }), /must not be empty/],
    [
      "with a service account beside a namespace",
      one({ from: [{ source: { serviceAccounts: ["a/b"], namespaces: ["a"] } }] }),
      /cannot stand beside/,
    ],
    ["with a service account of no namespace", one({ from: [{ source: { serviceAccounts: ["b"] } }] }), /needs the `namespace`/],
    ["with a bad range", one({ from: [{ source: { ipBlocks: ["10.0.0.0/33"] } }] }), /expected an address or a range/],
    ["with a number as port", one({ to: [{ operation: { ports: [80] } }] }), /ports\[0\]: expected a string/],
    ["with a path template that Istio refuses", one({ to: [{ operation: { paths: ["/{**}/a/{*}"] } }] }), /at character/],
    ["with a key of native filters' metadata", one({ when: [{ key: "experimental.envoy.filters.a[b]", values: ["x"] }] }), /not supported/],
    ["with an unknown key", one({ when: [{ key: "source.port", values: ["1"] }] }), /unknown key/],
    ["with a condition without values", one({ when: [{ key: "source.ip" }] }), /needs `values` or `notValues`/],
    ["DENY without rules", '{"policies":[{"name":"p","action":"DENY"}]}', /without rules never matches/],
    ["two policies of one name", '{"policies":[{"name":"p"},{"name":"p"}]}', /another policy has this name/],
    ["a dry run of AUDIT", '{"policies":[{"name":"p","action":"AUDIT","dryRun":true,"rules":[{}]}]}', /only ALLOW and DENY have a dry run/],
    ["CUSTOM without a provider", '{"policies":[{"name":"p","action":"CUSTOM","rules":[{}]}]}', /`provider` is missing/],
    [
      "CUSTOM with an unknown provider",
      '{"policies":[{"name":"p","action":"CUSTOM","provider":{"name":"x"},"rules":[{}]}]}',
      /no provider of this name/,
    ],
    [
      "a provider without a cluster",
      '{"extensionProviders":[{"name":"x","envoyExtAuthzHttp":{}}],"policies":[]}',
      /extensionProviders\[0\]\.envoyExtAuthzHttp: `cluster` is missing/,
    ],
    ["a provider of no kind", PROVIDER({}), /needs one of `envoyExtAuthzHttp` and `envoyExtAuthzGrpc`/],
    ["a provider of two kinds", PROVIDER({ envoyExtAuthzHttp: { cluster: "c" }, envoyExtAuthzGrpc: { cluster: "c" } }), /needs one of/],
    [
      "a provider by service",
      PROVIDER({ envoyExtAuthzGrpc: { cluster: "c", service: "a/b" } }),
      /service: a filter knows Envoy's clusters/,
    ],
    ["a provider by port", PROVIDER({ envoyExtAuthzHttp: { cluster: "c", port: 80 } }), /port: a filter knows Envoy's clusters/],
    [
      "a provider that keeps the route",
      PROVIDER({ envoyExtAuthzHttp: { cluster: "c", clearRouteCache: false } }),
      /clearRouteCache: Envoy chooses the route anew/,
    ],
    [
      "a provider with the old name of a field beside the new one",
      PROVIDER({ envoyExtAuthzHttp: { cluster: "c", includeHeadersInCheck: ["a"], includeRequestHeadersInCheck: ["a"] } }),
      /includeHeadersInCheck: is the old name/,
    ],
    [
      "a provider over gRPC with fields of HTTP",
      PROVIDER({ envoyExtAuthzGrpc: { cluster: "c", pathPrefix: "/a" } }),
      /envoyExtAuthzGrpc\.pathPrefix: unknown field/,
    ],
    [
      "a body without a limit",
      PROVIDER({ envoyExtAuthzGrpc: { cluster: "c", includeRequestBodyInCheck: {} } }),
      /includeRequestBodyInCheck: `maxRequestBytes` is missing/,
    ],
    [
      "a body without end",
      PROVIDER({ envoyExtAuthzGrpc: { cluster: "c", includeRequestBodyInCheck: { maxRequestBytes: 2_000_000 } } }),
      /maxRequestBytes: must be from 1 to 1048576/,
    ],
    [
      "a provider without a timeout",
      PROVIDER({ envoyExtAuthzGrpc: { cluster: "c", timeout: "0s" } }),
      /timeout: must be more than nothing/,
    ],
    [
      "a provider whose failure would be a success",
      '{"extensionProviders":[{"name":"x","envoyExtAuthzHttp":{"cluster":"c","statusOnError":"200"}}],"policies":[]}',
      /statusOnError: expected a status from 400/,
    ],
  ])("%s is refused", (_, value, message) => {
    expect(update(value)).toMatch(message);
  });

  test("a thousand of them, taken or refused, leave memory as it was", () => {
    const samples = fc.sample(fc.oneof(configuration, broken), { seed: 20, numRuns: 1_000 });
    const run = () => {
      for (const value of samples) update(value);
    };
    run();
    const before = plugin.memorySize();
    run();
    expect(plugin.memorySize()).toBe(before);
  });
});

const DENY = (rule: object, more: object = {}) => JSON.stringify({ ...more, policies: [{ name: "p", action: "DENY", rules: [rule] }] });
const ALLOW = (rule: object, more: object = {}) => JSON.stringify({ ...more, policies: [{ name: "p", rules: [rule] }] });
const to = (operation: object) => ({ to: [{ operation }] });
const from = (source: object) => ({ from: [{ source }] });
const when = (name: string, list: readonly string[]) => ({ when: [{ key: name, values: list }] });
const x = (...list: readonly string[]) => list.map((value) => ["x-h", value] as const);
/** Asks an authoriser that allows everything. */
const CUSTOM = ({ http }: { readonly http: boolean }) =>
  JSON.stringify({
    extensionProviders: [
      {
        name: "p",
        ...(http
          ? { envoyExtAuthzHttp: { cluster: "portal", includeRequestHeadersInCheck: ["x-h"] } }
          : { envoyExtAuthzGrpc: { cluster: "portal" } }),
      },
    ],
    policies: [{ name: "c", action: "CUSTOM", provider: { name: "p" }, rules: [{}] }],
  });
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

const EVERYTHING = JSON.stringify({
  trustedHops: 1,
  policies: [
    {
      name: "d",
      action: "DENY",
      rules: [to({ paths: ["/a*", "/{*}/b"], notHosts: ["*x"] }), from({ principals: ["*/s.*"], notIpBlocks: ["::/1"] })],
    },
    {
      name: "a",
      rules: [when("request.auth.claims[a][b]", ["*"]), from({ remoteIpBlocks: ["0.0.0.0/0"] }), to({ methods: ["G*"], ports: ["1"] })],
    },
    { name: "m", action: "AUDIT", rules: [from({ namespaces: ["*"], requestPrincipals: ["*/a"] })] },
    { name: "s", dryRun: true, rules: [when("request.headers[x-h]", ["*"]), from({ serviceAccounts: ["a/b"] })] },
  ],
});
const value = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom(
    "",
    "x".repeat(5_000),
    "\0",
    "\xff\xfe",
    "%00",
    ",".repeat(3_000),
    "spiffe://" + "/ns/a".repeat(300),
    '{"claims":{"a":{"b":["c"]}}}',
  ),
);

const attacks = fc.record(
  {
    path: fc.oneof(value, fc.constantFrom("/", "/a", "/x/b")),
    method: value,
    authority: value,
    principal: value,
    source: fc.oneof(value, fc.constantFrom("10.0.0.1:5", "[::1]:0", "[fe80::1%eth0]:9")),
    authentication: value,
    headers: fc.array(fc.tuple(fc.constantFrom("x-h", "x-forwarded-for", "cookie"), value), { maxLength: 6 }),
  },
  { requiredKeys: [] },
);

describe("requests of any kind", () => {
  beforeEach(() => {
    plugin.update(EVERYTHING);
  });

  test("are decided", () => {
    fc.assert(
      fc.property(attacks, (attack) => {
        expect([200, 403]).toContain(decided(attack));
      }),
      { numRuns: 1_000 },
    );
  });

  test("leave memory as it was", () => {
    const samples = fc.sample(attacks, { seed: 7, numRuns: 2_000 });
    for (const attack of samples) decided(attack);
    const before = plugin.memorySize();
    for (const attack of samples) decided(attack);
    expect(plugin.memorySize()).toBe(before);
  });
});

/** Answers of an authoriser over gRPC: bytes of any kind, and good ones with bytes changed. */
const messages = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc
    .tuple(
      fc.constantFrom(
        checkResponse({
          code: 0,
          ok: { headers: [{ name: "x-a", value: "1", append: true }], headersToRemove: ["x-h"], queryToSet: [["q", "1"]] },
        }),
        checkResponse({ code: 0, ok: { responseHeaders: [{ name: "x-b", value: "2", appendAction: 1 }], queryToRemove: ["q"] } }),
        checkResponse({ code: 7, denied: { status: 401, headers: [{ name: "x-c", value: "3" }], body: "no" } }),
      ),
      fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 3 }),
    )
    .map(([message, edits]) => {
      const copy = Uint8Array.from(message);
      for (const [at, byte] of edits) copy[at % copy.length] = byte;
      return copy;
    }),
);
const answers = fc.record({
  status: fc.constantFrom(200, 200, 204, 302, 401, 500, 503),
  headers: fc.array(
    fc.tuple(fc.constantFrom("x-a", "location", "x-envoy-auth-headers-to-remove", "content-length"), fc.string({ maxLength: 20 })),
    {
      maxLength: 4,
    },
  ),
  body: fc.string({ maxLength: 200 }),
});

describe.each([true, false])("answers of any kind (over HTTP: %s)", (http) => {
  let answer: unknown;
  const exchange = fc.tuple(attacks, http ? answers : messages);

  beforeEach(() => {
    host.clusters.set("portal", {
      http: () => answer as never,
      grpc: () => ({ message: answer as never }),
    });
    const { extensionProviders, policies: custom } = JSON.parse(CUSTOM({ http })) as { extensionProviders: unknown; policies: object[] };
    const { policies: others } = JSON.parse(EVERYTHING) as { policies: object[] };
    plugin.update(JSON.stringify({ extensionProviders, policies: [...custom, ...others] }));
  });

  test("are decided, and a request gets in only by one that allows", () => {
    fc.assert(
      fc.property(exchange, ([attack, given]) => {
        answer = given;
        const status = decided(attack);
        if (status === 200 && http) expect((given as { status: number }).status).toBe(200);
        expect(status === 200 || status >= 300).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test("leave memory as it was", () => {
    const samples = fc.sample(exchange, { seed: 8, numRuns: 2_000 });
    const run = () => {
      for (const [attack, given] of samples) {
        answer = given;
        decided(attack);
      }
    };
    run();
    const before = plugin.memorySize();
    run();
    run();
    expect(plugin.memorySize()).toBe(before);
  });
});

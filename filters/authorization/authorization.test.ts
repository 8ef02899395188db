import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { checkResponse } from "../testing/ext-authz.ts";
import { CUSTOM, decided, host, plugin, useModule } from "./direct.mts";

// Requests of any kind, and answers of authorisers: each is decided, and none makes the module trap, hang or grow.

useModule();

const to = (operation: object) => ({ to: [{ operation }] });
const from = (source: object) => ({ from: [{ source }] });
const when = (name: string, list: readonly string[]) => ({ when: [{ key: name, values: list }] });

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

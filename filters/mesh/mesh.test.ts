import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Host, ManualClock, type PluginHandle } from "../../harness/host/index.ts";
import { ISSUER, keySet, sign, signingKey } from "../authentication/tokens.mts";
import { compileFilter } from "../testing/assembly.ts";

// What needs a look inside: configurations, ticks, memory. What several filters do to a stream is in mesh.scenarios.ts.

let module: string;
let host: Host;
let clock: ManualClock;
const good = readFileSync(join(import.meta.dirname, "examples/config.json"), "utf8");

beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "index.ts"));
}, 180_000);

beforeEach(() => {
  clock = new ManualClock();
  host = new Host({ clock, instances: { canary: false, mainThread: false, workers: 1 } });
});

const load = (configuration: unknown, rootId = "downstream"): PluginHandle => host.load({ name: "mesh", module, rootId, configuration });

/** Why a configuration is refused, as the log has it; `undefined` for one that is taken. */
function refusal(configuration: unknown, rootId?: string): string | undefined {
  try {
    load(configuration, rootId).unload();
    return undefined;
  } catch {
    return host.logs.lines.findLast(({ level }) => level === "error")?.message.replace(/^configuration of mesh refused: /, "");
  }
}

describe("configurations", () => {
  const routing = { name: "routing", configuration: { rules: [] } };

  test.each([
    ["an empty root_id is that of the downstream chain", good, ""],
    ["no filter at all", { filters: [] }, "downstream"],
    ["no filter at all upstream", { filters: [] }, "upstream"],
    ["one filter", { filters: [routing] }, "downstream"],
  ])("%s is taken", (_, configuration, rootId) => {
    expect(refusal(configuration, rootId)).toBeUndefined();
  });

  test.each([
    [
      "an unknown filter",
      { filters: [{ name: "rooting", configuration: {} }] },
      /^filters\[0\]\.name: no filter of this root; there are authentication, /,
    ],
    ["one twice", { filters: [routing, routing] }, /^filters\[1\]\.name: stands twice \(line 1, column \d+\)$/],
    ["one without configuration", { filters: [{ name: "routing" }] }, /^filters\[0\]: `configuration` is missing/],
    ["a misspelled member", { filter: [] }, /^filter: unknown field; did you mean `filters`\?/],
    ["a list that is none", { filters: {} }, /^filters: expected a list, found an object/],
    ["nothing", "", /^no configuration/],
    [
      "a filter's own problem, by its place in the whole",
      '{"filters": [\n  {"name": "routing",\n   "configuration": {"rulez": []}}]}',
      /^filters\[0\]\.configuration: `rules` is missing \(line 3, column 21\); filters\[0\]\.configuration\.rulez: .*\(line 3, column 22\)$|^filters\[0\]\.configuration\.rulez: unknown field; did you mean `rules`\? \(line 3, column 22\); /,
    ],
    [
      "the problems of several filters, all of them",
      {
        filters: [
          { name: "routing", configuration: {} },
          { name: "authorization", configuration: { policies: 1 } },
        ],
      },
      /filters\[0\]\.configuration: .*; filters\[1\]\.configuration\.policies: expected a list/,
    ],
  ])("%s is refused", (_, configuration, message) => {
    expect(refusal(configuration)).toMatch(message);
  });

  test("a refused one leaves the one before it serving", () => {
    const plugin = load({ filters: [{ name: "authorization", configuration: { policies: [{ name: "nobody" }] } }] });
    expect(() => plugin.update({ filters: [{ name: "authorization", configuration: {} }, routing, routing] })).toThrow();
    expect(host.chain([plugin]).request({ path: "/" }).response?.status).toBe(403);
  });

  test("a chain that is refused stops what its filters began: nobody fetches keys for it", () => {
    let fetched = 0;
    host.clusters.set("keys", { http: () => (fetched++, { status: 503 }) });
    const remote = { jwtRules: [{ issuer: ISSUER, jwksUri: "https://keys.example/jwks", jwksCluster: "keys" }] };
    expect(
      refusal({
        filters: [
          { name: "authentication", configuration: remote },
          { name: "routing", configuration: {} },
        ],
      }),
    ).toContain("filters[1]");
    const before = fetched;
    clock.advance(120_000);
    expect(fetched).toBe(before);
  });

  test("generated ones are taken, or refused with a place", () => {
    const member = fc.record(
      {
        name: fc.constantFrom("routing", "authorization", "authentication", "mesh", "", "ejection"),
        configuration: fc.oneof(fc.jsonValue(), fc.constantFrom({ rules: [] }, { policies: [] }, { jwtRules: [] })),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.record({ filters: fc.array(member, { maxLength: 4 }) })), (configuration) => {
        const told = refusal(configuration);
        if (told !== undefined) expect(told).toMatch(/\(line \d+, column \d+\)/);
      }),
      { numRuns: 200 },
    );
  });
});

test("a request that waits for keys, then for an authoriser, comes by the rest with what both gave it", async () => {
  const key = await signingKey("RS256");
  host.clusters.set("keys", { http: () => ({ status: 200, body: keySet(key), delay: 50 }) });
  host.clusters.set("portal", { http: () => ({ status: 200, headers: [["x-user", "ann"]], delay: 20 }) });
  const portal = { name: "portal", envoyExtAuthzHttp: { cluster: "portal", headersToUpstreamOnAllow: ["x-user"] } };
  const plugin = load({
    filters: [
      {
        name: "authentication",
        configuration: { jwtRules: [{ issuer: ISSUER, jwksUri: "https://keys.example/jwks", jwksCluster: "keys" }], required: true },
      },
      {
        name: "authorization",
        configuration: {
          extensionProviders: [portal],
          policies: [{ name: "ask", action: "CUSTOM", provider: { name: "portal" }, rules: [{}] }],
        },
      },
      {
        name: "routing",
        configuration: {
          rules: [
            { name: "ann", match: { headers: { "x-user": { exact: "ann" } } }, headers: { request: { set: { "x-by": "routing" } } } },
          ],
        },
      },
    ],
  });
  const chain = host.chain([plugin]);
  const headers = [
    ["authorization", `Bearer ${await sign(key)}`],
    ["x-user", "forged"],
  ] as const;
  const stream = chain.request({ path: "/", headers });
  const left = chain.request({ path: "/", headers });
  clock.advance(20);
  expect(stream.state).toBe("paused");
  left.disconnect();
  clock.advance(30);
  expect(stream.state).toBe("paused");
  clock.advance(20);
  expect(stream.state).toBe("forwarded");
  expect(stream.requestHeader("x-by")).toBe("routing");
  expect(host.metrics.values()["authorization.custom_allowed"]).toBe(1);
});

describe("memory", () => {
  test("a thousand updates leave it as it was after a few", () => {
    const plugin = load(good);
    const update = (count: number) => {
      for (let i = 0; i < count; i++) {
        plugin.update(good);
        host.chain([plugin]).request({ path: "/" }).respond();
      }
    };
    update(20);
    const before = plugin.memorySize();
    update(300);
    expect(plugin.memorySize()).toBe(before);
  }, 60_000);

  test("requests of every sort leave it as it was", async () => {
    const key = await signingKey("RS256");
    const token = await sign(key);
    const configuration = JSON.parse(good) as { filters: Array<{ configuration: object }> };
    Object.assign(configuration.filters[0]?.configuration ?? {}, { jwtRules: [{ issuer: ISSUER, jwks: keySet(key) }] });
    const plugin = load(configuration);
    const chain = host.chain([plugin]);
    const kinds = [
      { path: "/" },
      { path: "/", headers: [["x-user", "ann-beta"]] as const },
      { path: "/", method: "POST" },
      { path: "/", method: "POST", headers: [["x-api-key", "a-long-random-key"]] as const },
      { path: "/", headers: [["x-api-key", "wrong"]] as const },
      { path: "/", headers: [["authorization", `Bearer ${token}`]] as const },
      { path: "/", headers: [["authorization", `Bearer ${token}x`]] as const },
    ];
    const run = (count: number) => {
      for (let i = 0; i < count; i++) {
        const stream = chain.request(kinds[i % kinds.length] ?? { path: "/" });
        if (stream.response === undefined) stream.respond();
      }
    };
    run(2_000);
    const before = plugin.memorySize();
    run(20_000);
    expect(plugin.memorySize()).toBe(before);
  }, 60_000);
});

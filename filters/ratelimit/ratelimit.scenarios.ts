import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import type { ScenarioRun } from "../../harness/vitest.ts";
import type { ChainSpec, ExchangeRequest } from "../../harness/target/index.ts";
import { compileFilter } from "../testing/assembly.ts";
import { scenario } from "../testing/scenario.ts";

const entry = fileURLToPath(new URL("index.ts", import.meta.url));
const handOver = fileURLToPath(new URL("../authorization/testing/index.ts", import.meta.url));

type Fields = Readonly<Record<string, unknown>>;

/** A chain with the filter. */
const ratelimit = (configuration: object) => async (): Promise<ChainSpec> => ({
  filters: [{ name: "ratelimit", module: await compileFilter(entry), configuration }],
});

/** The same behind a filter that hands over what `authentication` would have verified: the header `x-authentication`. */
const authenticated = (configuration: object) => async (): Promise<ChainSpec> => ({
  filters: [
    { name: "hand-over", module: await compileFilter(handOver), rootId: "hand-over" },
    { name: "ratelimit", module: await compileFilter(entry), configuration },
  ],
});

/** So slow that no token comes back while a test runs, and that how long to wait is said in minutes. */
const bucket = (maxTokens: number) => ({ maxTokens, fillInterval: "12h" });
const limit = (fields: Fields = {}) => ({ name: "limit", tokenBucket: bucket(1), ...fields });
const limits = (...list: readonly Fields[]) => ratelimit({ limits: list.map((fields, i) => limit({ name: `limit-${i}`, ...fields })) });

/** The statuses of requests, one after the other. */
async function statuses(run: ScenarioRun, requests: ReadonlyArray<Partial<ExchangeRequest>>): Promise<number[]> {
  const seen: number[] = [];
  for (const request of requests) seen.push((await run.send({ path: "/", ...request })).status);
  return seen;
}

const header = (...values: readonly string[]): Partial<ExchangeRequest> => ({ headers: values.map((value) => ["x-h", value] as const) });
const from = (address: string): Partial<ExchangeRequest> => ({ source: { address } });
const peer = (principal: string): Partial<ExchangeRequest> => ({ scheme: "https", source: { principal } });
const token = (state: object | string): Partial<ExchangeRequest> => ({
  headers: [["x-authentication", typeof state === "string" ? state : JSON.stringify(state)]],
});

type Row = readonly [
  title: string,
  descriptors: readonly object[],
  requests: ReadonlyArray<Partial<ExchangeRequest>>,
  statuses: readonly number[],
];

/** Chooses one of the limits of a table, so that a whole table is one configuration. */
const ROW = "x-row";

/** Combinations of descriptors, each with a limit of one token for requests that choose it. */
function table(title: string, rows: readonly Row[]): void {
  const list = rows.map(([, descriptors], row) =>
    limit({ name: String(row), descriptors, match: { headers: { [ROW]: { exact: String(row) } } } }),
  );
  scenario(title, { chain: authenticated({ limits: list }) }, async (run) => {
    for (const [row, [name, , requests, expected]] of rows.entries()) {
      const chosen = requests.map((request) => ({ ...request, headers: [...(request.headers ?? []), [ROW, String(row)] as const] }));
      expect(await statuses(run, chosen), name).toEqual(expected);
    }
  });
}

table("descriptors", [
  ["none: one bucket for all", [], [{}, { path: "/a" }, header("x")], [200, 429, 429]],
  ["header", [{ header: "X-H" }], [header("a"), header("b"), header("a")], [200, 200, 429]],
  ["header, empty", [{ header: "x-h" }], [header(""), header("")], [200, 429]],
  ["header, missing: no limit", [{ header: "x-h" }], [{}, {}], [200, 200]],
  ["header, missing and skipped", [{ header: "x-h", skipIfAbsent: true }], [{}, header(""), {}, header("")], [200, 200, 429, 429]],
  ["header, several values in order", [{ header: "x-h" }], [header("a", "b"), header("a"), header("a", "b")], [200, 200, 429]],
  ["path", [{ path: true }], [{ path: "/a" }, { path: "/b" }, { path: "/a?x=1" }], [200, 200, 429]],
  [
    "path, other spellings",
    [{ path: true }],
    [{ path: "/a/b" }, { path: "/a//b" }, { path: "/a/c/../b" }, { path: "/%61%2Fb" }],
    [200, 429, 429, 429],
  ],
  ["method", [{ method: true }], [{}, { method: "PUT" }, {}], [200, 200, 429]],
  [
    "authority",
    [{ authority: true }],
    ["a.example", "b.example", "A.Example", "a.example:8080", "a.example."].map((authority) => ({ authority })),
    [200, 200, 429, 429, 429],
  ],
  [
    "principal",
    [{ principal: true }],
    [peer("spiffe://td/ns/a/sa/b"), peer("spiffe://td/ns/a/sa/c"), peer("spiffe://td/ns/a/sa/b"), {}, {}],
    [200, 200, 429, 200, 200],
  ],
  [
    "requestPrincipal",
    [{ requestPrincipal: true }],
    [token({ principal: "iss/ann" }), token({ principal: "iss/bob" }), token({ principal: "iss/ann" }), {}, {}],
    [200, 200, 429, 200, 200],
  ],
  [
    "consumer",
    [{ consumer: true }],
    [token({ consumer: "shop" }), token({ consumer: "bank" }), token({ consumer: "shop" })],
    [200, 200, 429],
  ],
  ["claim", [{ claim: "tenant" }], ["a", "b", "a", 7, 7, 8].map((tenant) => token({ claims: { tenant } })), [200, 200, 429, 200, 429, 200]],
  [
    "claim, of a list the whole, null as missing",
    [{ claim: "groups" }],
    [["a", "b"], ["a"], ["a", "b"], null, null].map((groups) => token({ claims: { groups } })),
    [200, 200, 429, 200, 200],
  ],
  ["claim within a claim", [{ claim: "[org][id]" }], ["a", "b", "a"].map((id) => token({ claims: { org: { id } } })), [200, 200, 429]],
  ["sourceAddress, not its port", [{ sourceAddress: true }], ["10.0.0.1:1", "10.0.0.2:1", "10.0.0.1:2"].map(from), [200, 200, 429]],
  [
    "sourceAddress, the first bits",
    [{ sourceAddress: { v4PrefixMaskLen: 24, v6PrefixMaskLen: 64 } }],
    ["10.0.0.1:1", "10.0.0.255:1", "10.0.1.1:1", "[fd00::1]:1", "[fd00::ffff:1]:1", "[fd00:0:0:1::1]:1"].map(from),
    [200, 429, 200, 200, 429, 200],
  ],
  ["constant", [{ constant: "x" }], [{}, { path: "/a" }], [200, 429]],
  [
    "two together: both must be the same",
    [{ header: "x-h" }, { path: true }],
    [
      { path: "/a", ...header("1") },
      { path: "/a", ...header("2") },
      { path: "/b", ...header("1") },
      { path: "/a", ...header("1") },
      { path: "/a" },
      { path: "/a" },
    ],
    [200, 200, 200, 429, 200, 200],
  ],
]);

describe("which requests", () => {
  const narrow = { match: { uri: { prefix: "/api/" }, method: { exact: "POST" } } };
  scenario("those that match", { chain: limits(narrow) }, async (run) => {
    const post = { path: "/api/a", method: "POST" };
    expect(await statuses(run, [{}, {}, post, { path: "/api/b" }, post])).toEqual([200, 200, 200, 200, 429]);
  });
  scenario(
    "those that one block of a list matches",
    { chain: limits({ match: [{ uri: { exact: "/a" } }, { headers: { "x-h": {} } }] }) },
    async (run) => {
      expect(await statuses(run, [{ path: "/b" }, { path: "/a" }, { path: "/b", ...header("1") }, { path: "/a", ...header("1") }])).toEqual(
        [200, 200, 429, 429],
      );
    },
  );
  scenario(
    "several limits: a request that one refuses takes nothing of the others",
    { chain: limits({ match: { uri: { exact: "/a" } } }, { tokenBucket: bucket(3) }), container: true },
    async (run) => {
      const paths = ["/a", "/a", "/a", "/b", "/b", "/b"].map((path) => ({ path }));
      expect(await statuses(run, paths)).toEqual([200, 429, 429, 200, 200, 429]);
      expect(await run.metrics()).toMatchObject({ "ratelimit.ok": 3, "ratelimit.over_limit": 3 });
    },
  );
});

describe("tokens", () => {
  scenario("maxTokens", { chain: limits({ tokenBucket: bucket(3) }) }, async (run) => {
    expect(await statuses(run, [{}, {}, {}, {}])).toEqual([200, 200, 200, 429]);
  });
  scenario(
    "fillInterval: one comes back while the upstream takes its time",
    { chain: limits({ tokenBucket: { maxTokens: 1, fillInterval: "2s" } }) },
    async (run) => {
      expect(await statuses(run, [{ response: { delay: 2_100 } }, {}])).toEqual([200, 200]);
    },
  );
  scenario(
    "tokensPerFill: two come back",
    { chain: limits({ tokenBucket: { maxTokens: 2, tokensPerFill: 2, fillInterval: "2s" } }) },
    async (run) => {
      expect(await statuses(run, [{}, { response: { delay: 2_100 } }, {}, {}])).toEqual([200, 200, 200, 200]);
    },
  );
  for (const scope of ["ENVOY", "WORKER"]) {
    scenario(
      `scope ${scope}, maxDynamicDescriptors: the bucket that is soonest full goes`,
      { chain: limits({ scope, descriptors: [{ header: "x-h" }], tokenBucket: bucket(2), maxDynamicDescriptors: 2 }) },
      async (run) => {
        const asked = ["a", "a", "b", "a", "c", "c", "a", "b"].map((value) => header(value));
        expect(await statuses(run, asked)).toEqual([200, 200, 200, 429, 200, 200, 429, 200]);
        expect(await run.metrics()).toMatchObject({ "ratelimit.evicted": 2 });
      },
    );
  }
});

describe("answers", () => {
  scenario(
    "429, with what the draft and RFC 9110 have for it",
    { chain: limits({ name: "per hour", tokenBucket: bucket(2) }) },
    async (run) => {
      await run.send({ path: "/" });
      expect(await run.send({ path: "/" })).toReturnHeader("ratelimit");
      const result = await run.send({ path: "/" });
      expect(result).toRespond(429, "ratelimit_limited[per_hour]");
      expect(result.response?.body).toBe("local_rate_limited");
      expect(result).toReturnHeader("retry-after", "43200");
      expect(result).toReturnHeader("ratelimit-policy", '"per hour";q=2;w=86400');
      expect(result).toReturnHeader("ratelimit", '"per hour";r=0;t=43200');
      expect(result).toReturnHeader("x-envoy-ratelimited", "true");
      expect(result.decisions).toEqual([{ filter: "ratelimit", rule: "per hour", result: "limit", reason: "bucket is empty" }]);
    },
  );
  scenario("status", { chain: limits({ status: 503 }) }, async (run) => {
    expect(await statuses(run, [{}, {}])).toEqual([200, 503]);
  });
  scenario("rateLimitHeaders OFF leaves Retry-After", { chain: ratelimit({ rateLimitHeaders: "OFF", limits: [limit()] }) }, async (run) => {
    await run.send({ path: "/" });
    const result = await run.send({ path: "/" });
    expect(result).toReturnHeader("retry-after", "43200");
    expect(result).toReturnHeader("ratelimit");
    expect(result).toReturnHeader("ratelimit-policy");
  });
  scenario(
    "rateLimitHeaders ALWAYS tells of every limit that concerns the request, beside what the service says",
    {
      chain: ratelimit({
        rateLimitHeaders: "ALWAYS",
        limits: [
          limit({ name: 'a "quoted\\" name', tokenBucket: bucket(3) }),
          limit({ name: "elsewhere", match: { uri: { exact: "/a" } } }),
          limit({ name: "dry", shadowMode: true }),
          limit({
            name: "fast",
            tokenBucket: { maxTokens: 10, tokensPerFill: 1_000, fillInterval: "1s" },
            match: { method: { exact: "GET" } },
          }),
        ],
      }),
    },
    async (run) => {
      const result = await run.send({ path: "/", response: { headers: [["ratelimit", '"own";r=1;t=1']] } });
      const quoted = '"a \\"quoted\\\\\\" name"';
      expect(result).toReturnHeader("ratelimit-policy", `${quoted};q=3;w=129600, "fast";q=10;w=1`);
      expect(result).toReturnHeader("ratelimit", '"own";r=1;t=1', `${quoted};r=2;t=86400, "fast";r=9;t=1`);
      const last = await run.send({ path: "/a", method: "PUT" });
      expect(last).toReturnHeader("ratelimit", `${quoted};r=1;t=43200, "elsewhere";r=0;t=43200`);
      const refused = await run.send({ path: "/a", method: "PUT" });
      expect(refused).toReturnHeader("ratelimit", '"elsewhere";r=0;t=43200');
      expect(refused).toReturnHeader("ratelimit-policy", '"elsewhere";q=1;w=43200');
    },
  );
  scenario("gRPC: status 8 in trailers, whatever the HTTP status", { chain: limits({ status: 503 }) }, async (run) => {
    const call: ExchangeRequest = { path: "/shop.Orders/Get", protocol: "grpc", body: "x" };
    expect(await run.send(call)).toForward();
    const result = await run.send(call);
    expect(result).toRespond(200, "ratelimit_limited[limit-0]");
    expect(result).toReturnHeader("grpc-status", "8");
    expect(result).toReturnHeader("grpc-message", "local_rate_limited");
    expect(result).toReturnHeader("retry-after", "43200");
  });
  for (const protocol of ["h2", "websocket"] as const) {
    scenario(`${protocol} is limited`, { chain: limits({}) }, async (run) => {
      expect(await run.send({ path: "/", protocol, body: "ping", response: { body: "pong" } })).toForward();
      expect(await run.send({ path: "/", protocol, body: "ping" })).toRespond(429, "ratelimit_limited[limit-0]");
    });
  }
});

describe("dry runs", () => {
  scenario("shadowMode counts and refuses nothing", { chain: limits({ shadowMode: true }, { tokenBucket: bucket(2) }) }, async (run) => {
    expect(await run.send({ path: "/" })).toForward();
    const result = await run.send({ path: "/" });
    expect(result).toForward();
    expect(result.decisions).toEqual([
      { filter: "ratelimit", rule: "limit-0", result: "shadow-deny", reason: "bucket is empty, in shadow mode" },
      { filter: "ratelimit", rule: "", result: "allow", reason: "within every limit" },
    ]);
    expect(await run.send({ path: "/" })).toRespond(429, "ratelimit_limited[limit-1]");
    expect(await run.metrics()).toMatchObject({ "ratelimit.shadow_over_limit": 1, "ratelimit.over_limit": 1, "ratelimit.ok": 2 });
  });
});

describe("what cannot be decided", () => {
  const perUser = { limits: [limit({ descriptors: [{ claim: "sub" }] })] };
  scenario("is refused", { chain: authenticated(perUser) }, async (run) => {
    const result = await run.send({ path: "/", ...token("{") });
    expect(result).toRespond(500, "ratelimit_undecodable_descriptor");
    expect(result.decisions).toEqual([{ filter: "ratelimit", rule: "limit", result: "deny", reason: "a descriptor cannot be decoded" }]);
    expect(await run.metrics()).toMatchObject({ "ratelimit.error": 1 });
  });
  scenario("statusOnError", { chain: authenticated({ ...perUser, statusOnError: 400 }) }, async (run) => {
    expect(await run.send({ path: "/", ...token("{") })).toRespond(400, "ratelimit_undecodable_descriptor");
  });
  scenario(
    "failureModeDeny false lets it past that limit",
    { chain: authenticated({ ...perUser, failureModeDeny: false }) },
    async (run) => {
      expect(await statuses(run, [token("{"), token("{")])).toEqual([200, 200]);
      expect(await run.metrics()).toMatchObject({ "ratelimit.error": 2, "ratelimit.failure_mode_allowed": 2 });
    },
  );
  scenario(
    "a limit in shadow mode refuses nothing of it either",
    { chain: authenticated({ limits: [limit({ descriptors: [{ claim: "sub" }], shadowMode: true })] }) },
    async (run) => {
      expect(await statuses(run, [token("{")])).toEqual([200]);
      expect(await run.metrics()).toMatchObject({ "ratelimit.error": 1, "ratelimit.ok": 1 });
    },
  );
});

scenario("without limits every request passes", { chain: ratelimit({ limits: [] }) }, async (run) => {
  const result = await run.send({ path: "/" });
  expect(result).toForward();
  expect(result.decisions).toEqual([{ filter: "ratelimit", rule: "", result: "allow", reason: "no limit concerns it" }]);
});

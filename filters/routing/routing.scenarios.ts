import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import type { ChainSpec, ExchangeRequest, RouteSpec } from "../../harness/target/index.ts";
import { compileFilter } from "../testing/assembly.ts";
import { scenario } from "../testing/scenario.ts";

const entry = fileURLToPath(new URL("index.ts", import.meta.url));

/** Native routes by the filter's headers: v1, v2, whichever cluster is named, and one for the rest. */
const routes: RouteSpec[] = [
  ...["v1", "v2"].map((name) => ({
    name,
    match: { prefix: "/", headers: [{ name: "x-meshwright-route", exact: name }] },
    cluster: name,
    requestHeadersToRemove: ["x-meshwright-route"],
  })),
  {
    name: "by-cluster",
    match: { prefix: "/", headers: [{ name: "x-meshwright-cluster", present: true }] },
    clusterHeader: "x-meshwright-cluster",
  },
  { name: "rest", match: { prefix: "/" }, cluster: "rest" },
];

/** A chain with the routing filter and `rules`. */
const routing = (rules: readonly object[]) => async (): Promise<ChainSpec> => ({
  filters: [{ name: "routing", module: await compileFilter(entry), configuration: { rules } }],
  routes,
  clusters: ["v1", "v2", "rest", "blue", "green"],
});

/** One rule that sends what matches to v2. */
const matching = (match: unknown) => routing([{ name: "rule", match, route: "v2" }]);

type Row = readonly [title: string, match: unknown, request: Partial<ExchangeRequest>, matches: boolean];

/** A scenario for each way to match: all its rows, each with its own request. */
function table(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    for (const [row, match, request, matches] of rows) {
      scenario(`${row}: ${matches ? "matches" : "does not match"}`, { chain: matching(match) }, async (run) => {
        const result = await run.send({ path: "/", ...request });
        expect(result).toForward({ route: matches ? "v2" : "rest", cluster: matches ? "v2" : "rest" });
        expect(result).toSendHeader("x-meshwright-route");
      });
    }
  });
}

table("path", [
  ["exact", { uri: { exact: "/a" } }, { path: "/a?x=1" }, true],
  ["exact, longer path", { uri: { exact: "/a" } }, { path: "/a/" }, false],
  ["exact, other case", { uri: { exact: "/a" } }, { path: "/A" }, false],
  ["exact, case ignored", { uri: { exact: "/a", ignoreCase: true } }, { path: "/A" }, true],
  ["prefix", { uri: { prefix: "/api/" } }, { path: "/api/v1" }, true],
  ["prefix, shorter path", { uri: { prefix: "/api/" } }, { path: "/api" }, false],
  ["prefix, case ignored", { uri: { prefix: "/api/", ignoreCase: true } }, { path: "/API/v1" }, true],
  ["template", { uri: { template: "/users/{id}/files/**" } }, { path: "/users/7/files/a/b" }, true],
  ["template, empty segment", { uri: { template: "/users/{id}" } }, { path: "/users/" }, false],
  ["regex", { uri: { regex: "/v[0-9]+/.*" } }, { path: "/v12/x?y" }, true],
  ["regex, only a part of the path", { uri: { regex: "/v[0-9]+" } }, { path: "/v12/x" }, false],
  ["dot segments, normalised by Envoy", { uri: { prefix: "/admin" } }, { path: "/public/../admin" }, true],
]);

table("method, scheme, authority", [
  ["method", { method: { exact: "PUT" } }, { method: "PUT" }, true],
  ["other method", { method: { exact: "PUT" } }, { method: "GET" }, false],
  ["scheme", { scheme: { exact: "HTTP" } }, {}, true],
  ["other scheme", { scheme: { exact: "https" } }, {}, false],
  ["authority", { authority: { exact: "shop.example.com" } }, { authority: "shop.example.com" }, true],
  ["authority in other case", { authority: { exact: "shop.example.com" } }, { authority: "SHOP.example.com" }, true],
  ["authority with a port", { authority: { exact: "shop.example.com" } }, { authority: "shop.example.com:8080" }, true],
  ["authority by suffix", { authority: { suffix: ".example.com" } }, { authority: "shop.EXAMPLE.com:80" }, true],
  ["other authority", { authority: { exact: "shop.example.com" } }, { authority: "shop.example.org" }, false],
]);

const header = (value: string): Partial<ExchangeRequest> => ({ headers: [["x-h", value]] });

table("headers", [
  ["exact", { headers: { "X-H": { exact: "a" } } }, header("a"), true],
  ["exact, other value", { headers: { "x-h": { exact: "a" } } }, header("b"), false],
  ["exact, case ignored", { headers: { "x-h": { exact: "a", ignoreCase: true } } }, header("A"), true],
  ["prefix", { headers: { "x-h": { prefix: "ab" } } }, header("abc"), true],
  ["suffix", { headers: { "x-h": { suffix: "bc" } } }, header("abc"), true],
  ["contains", { headers: { "x-h": { contains: "b" } } }, header("abc"), true],
  ["regex", { headers: { "x-h": { regex: "a.c" } } }, header("abc"), true],
  ["regex, only a part", { headers: { "x-h": { regex: "a." } } }, header("abc"), false],
  ["present", { headers: { "x-h": {} } }, header("x"), true],
  ["present, but empty", { headers: { "x-h": { present: true } } }, header(""), true],
  ["present, missing", { headers: { "x-h": {} } }, {}, false],
  ["absent", { headers: { "x-h": { present: false } } }, {}, true],
  ["absent, but there", { headers: { "x-h": { present: false } } }, header("x"), false],
  ["absent, but empty", { headers: { "x-h": { present: false } } }, header(""), false],
  ["range", { headers: { "x-h": { range: { start: -5, end: 10 } } } }, header("9"), true],
  ["range, its end", { headers: { "x-h": { range: { start: -5, end: 10 } } } }, header("10"), false],
  ["range, no number", { headers: { "x-h": { range: { start: -5, end: 10 } } } }, header("9x"), false],
  [
    "repeated, second value",
    { headers: { "x-h": { exact: "b" } } },
    {
      headers: [
        ["x-h", "a"],
        ["x-h", "b"],
      ],
    },
    true,
  ],
  [
    "repeated, not their join",
    { headers: { "x-h": { exact: "a,b" } } },
    {
      headers: [
        ["x-h", "a"],
        ["x-h", "b"],
      ],
    },
    false,
  ],
  ["without", { withoutHeaders: { "x-h": { exact: "a" } } }, header("b"), true],
  [
    "without, one of two values",
    { withoutHeaders: { "x-h": { exact: "a" } } },
    {
      headers: [
        ["x-h", "b"],
        ["x-h", "a"],
      ],
    },
    false,
  ],
  [
    "two conditions, both hold",
    { headers: { "x-h": { exact: "a" }, "x-i": {} } },
    {
      headers: [
        ["x-h", "a"],
        ["x-i", ""],
      ],
    },
    true,
  ],
  ["two conditions, one holds", { headers: { "x-h": { exact: "a" }, "x-i": {} } }, header("a"), false],
]);

table("query parameters and cookies", [
  ["parameter", { queryParams: { v: { exact: "2" } } }, { path: "/?a=1&v=2" }, true],
  ["parameter, first only", { queryParams: { v: { exact: "2" } } }, { path: "/?v=1&v=2" }, false],
  ["parameter, not decoded", { queryParams: { v: { exact: "a b" } } }, { path: "/?v=a%20b" }, false],
  ["parameter, empty", { queryParams: { v: { exact: "" } } }, { path: "/?v" }, true],
  ["parameter, absent", { queryParams: { v: { present: false } } }, { path: "/?w" }, true],
  ["cookie", { cookies: { c: { exact: "2" } } }, { headers: [["cookie", "a=1; c=2"]] }, true],
  [
    "cookie in the second header",
    { cookies: { c: { exact: "2" } } },
    {
      protocol: "h2",
      headers: [
        ["cookie", "a=1"],
        ["cookie", "c=2"],
      ],
    },
    true,
  ],
  ["cookie, other value", { cookies: { c: { exact: "2" } } }, { headers: [["cookie", "cc=2; c=3"]] }, false],
]);

table("source address", [
  ["IPv4 range", { sourceIpBlocks: ["10.0.0.0/8"] }, { source: { address: "10.1.2.3:4000" } }, true],
  ["IPv4, outside", { sourceIpBlocks: ["10.0.0.0/8"] }, { source: { address: "11.1.2.3:4000" } }, false],
  ["IPv6 range", { sourceIpBlocks: ["192.0.2.1", "fd00::/8"] }, { source: { address: "[fd12::1]:4000" } }, true],
]);

describe("shares of the traffic", () => {
  const share = (value: number, by?: object) => routing([{ name: "share", match: { percentage: { value, by } }, route: "v2" }]);
  const user = (name: string): ExchangeRequest => ({ path: "/", headers: [["x-user", name]] });

  scenario("all and none", { chain: share(100) }, async (run) => {
    expect(await run.send({ path: "/" })).toForward({ route: "v2" });
  });
  scenario("none", { chain: share(0) }, async (run) => {
    expect(await run.send({ path: "/" })).toForward({ route: "rest" });
  });
  // Both targets must send each user the same way: the bucket depends on nothing but the key and the seed.
  scenario("by a header, the same on every proxy", { chain: share(50, { header: "x-user", seed: 3 }) }, async (run) => {
    const seen = new Set<string | undefined>();
    for (let i = 0; i < 40; i++) {
      const first = await run.send(user(`user-${i}`));
      expect((await run.send(user(`user-${i}`))).route).toBe(first.route);
      seen.add(first.route);
    }
    expect(seen).toEqual(new Set(["v2", "rest"]));
  });
  scenario("by a cookie", { chain: share(50, { cookie: "session" }) }, async (run) => {
    for (let i = 0; i < 10; i++) await run.send({ path: "/", headers: [["cookie", `session=s${i}`]] });
  });
  scenario("by source address, not its port", { chain: share(50, { sourceAddress: true }) }, async (run) => {
    for (let i = 1; i < 10; i++) {
      const first = await run.send({ path: "/", source: { address: `10.0.0.${i}:1000` } });
      expect((await run.send({ path: "/", source: { address: `10.0.0.${i}:2000` } })).route).toBe(first.route);
    }
  });
  scenario(
    "weighted, sticky",
    {
      chain: routing([
        {
          name: "colors",
          weighted: [
            { weight: 1, cluster: "blue" },
            { weight: 1, cluster: "green", headers: { response: { set: { "x-color": "green" } }, request: { set: { "x-to": "green" } } } },
            { weight: 0, cluster: "rest" },
          ],
          weightedBy: { header: "x-user" },
        },
      ]),
    },
    async (run) => {
      const seen = new Set<string | undefined>();
      for (let i = 0; i < 20; i++) {
        const result = await run.send(user(`user-${i}`));
        seen.add(result.cluster);
        expect(result).toReturnHeader("x-color", ...(result.cluster === "green" ? ["green"] : []));
        expect(result).toSendHeader("x-to", ...(result.cluster === "green" ? ["green"] : []));
      }
      expect(seen).toEqual(new Set(["blue", "green"]));
    },
  );
});

describe("where a request goes", () => {
  scenario(
    "the first rule that matches decides, and the filter says so",
    {
      chain: routing([
        { name: "one", match: { headers: { "x-h": { exact: "1" } } }, route: "v1" },
        { name: "two", match: [{ uri: { exact: "/nowhere" } }, { headers: { "x-h": {} } }], route: "v2" },
        { name: "three", route: "v1" },
      ]),
      container: true,
    },
    async (run) => {
      const one = await run.send({ path: "/", ...header("1") });
      expect(one).toForward({ route: "v1" });
      expect(one.decisions).toEqual([{ filter: "routing", rule: "one", result: "route", reason: "v1" }]);
      expect(await run.send({ path: "/", ...header("2") })).toForward({ route: "v2" });
      const three = await run.send({ path: "/" });
      expect(three.decisions).toEqual([{ filter: "routing", rule: "three", result: "route", reason: "v1" }]);
      expect(await run.metrics()).toMatchObject({ "routing.matched": 3 });
    },
  );

  scenario("a client cannot choose", { chain: matching({ uri: { exact: "/v2" } }) }, async (run) => {
    const forged: ExchangeRequest = {
      path: "/",
      headers: [
        ["x-meshwright-route", "v2"],
        ["x-meshwright-cluster", "blue"],
      ],
    };
    const result = await run.send(forged);
    expect(result).toForward({ route: "rest" });
    expect(result).toSendHeader("x-meshwright-route");
    expect(result).toSendHeader("x-meshwright-cluster");
    expect(await run.metrics()).toMatchObject({ "routing.unmatched": 1 });
  });

  scenario("a cluster by header", { chain: routing([{ name: "c", cluster: "blue" }]) }, async (run) => {
    expect(await run.send({ path: "/" })).toForward({ route: "by-cluster", cluster: "blue" });
  });

  scenario("an unknown cluster is Envoy's 503", { chain: routing([{ name: "c", cluster: "nowhere" }]) }, async (run) => {
    expect(await run.send({ path: "/" })).toRespond(503, "cluster_not_found");
  });
});

describe("what a rule changes", () => {
  scenario(
    "headers: remove, set, then add",
    {
      chain: routing([
        {
          name: "headers",
          route: "v1",
          headers: {
            request: { remove: ["X-Gone"], set: { "x-set": "new" }, add: { "x-add": "more" } },
            response: { remove: ["x-secret"], set: { "x-version": "1" }, add: { "x-list": "b" } },
          },
        },
      ]),
    },
    async (run) => {
      const result = await run.send({
        path: "/",
        headers: [
          ["x-gone", "1"],
          ["x-set", "old"],
          ["x-set", "older"],
          ["x-add", "some"],
        ],
        response: {
          headers: [
            ["x-secret", "s"],
            ["x-version", "0"],
            ["x-list", "a"],
          ],
        },
      });
      expect(result).toSendHeader("x-gone");
      expect(result).toSendHeader("x-set", "new");
      expect(result).toSendHeader("x-add", "some", "more");
      expect(result).toReturnHeader("x-secret");
      expect(result).toReturnHeader("x-version", "1");
      expect(result).toReturnHeader("x-list", "a", "b");
    },
  );

  const rewriting = (match: object, rewrite: object) => ({ chain: routing([{ name: "rewrite", match, route: "v1", rewrite }]) });

  scenario("the matched prefix", rewriting({ uri: { prefix: "/old" } }, { uri: "/new" }), async (run) => {
    expect((await run.send({ path: "/old/a?b=c" })).request?.path).toBe("/new/a?b=c");
  });
  scenario("the whole path where the match was no prefix", rewriting({ uri: { regex: "/o.*" } }, { uri: "/new" }), async (run) => {
    expect((await run.send({ path: "/old/a?b=c" })).request?.path).toBe("/new?b=c");
  });
  scenario("the whole path", rewriting({ uri: { prefix: "/old" } }, { path: "/new" }), async (run) => {
    expect((await run.send({ path: "/old/a?b=c" })).request?.path).toBe("/new?b=c");
  });
  scenario(
    "by a regex with captures",
    rewriting({}, { uriRegexRewrite: { match: "/(\\w+)/(\\d+)", rewrite: "/\\2/\\1" } }),
    async (run) => {
      expect((await run.send({ path: "/users/42?x" })).request?.path).toBe("/42/users?x");
    },
  );
  scenario("the authority", rewriting({}, { authority: "inner.example.com" }), async (run) => {
    expect((await run.send({ path: "/", authority: "outer.example.com" })).request?.authority).toBe("inner.example.com");
  });

  const redirecting = (redirect: object, match: object = {}) => ({ chain: routing([{ name: "redirect", match, redirect }]) });
  const location = async (run: Parameters<Parameters<typeof scenario>[2]>[0], request: ExchangeRequest, code: number) => {
    const result = await run.send(request);
    expect(result).toRespond(code, "routing_redirect");
    return result.response?.headers.find(([name]) => name === "location")?.[1];
  };

  scenario(
    "redirect: everything",
    redirecting({ uri: "/new", authority: "new.example.com", scheme: "https", port: 8443, redirectCode: 307 }),
    async (run) => {
      expect(await location(run, { path: "/a?b", authority: "old.example.com" }, 307)).toBe("https://new.example.com:8443/new?b");
    },
  );
  scenario("redirect: the prefix", redirecting({ prefixRewrite: "/new" }, { uri: { prefix: "/old" } }), async (run) => {
    expect(await location(run, { path: "/old/a?b", authority: "example.com:81" }, 301)).toBe("http://example.com:81/new/a?b");
  });
  scenario("redirect: to https, without the port of http", redirecting({ scheme: "https", redirectCode: 308 }), async (run) => {
    expect(await location(run, { path: "/a", authority: "example.com:80" }, 308)).toBe("https://example.com/a");
  });

  scenario(
    "direct response",
    {
      chain: routing([
        { name: "gone", directResponse: { status: 410, body: "gone\n" }, headers: { response: { set: { "x-why": "old" } } } },
      ]),
    },
    async (run) => {
      const result = await run.send({ path: "/" });
      expect(result).toRespond(410, "routing_direct_response");
      expect(result.response?.body).toBe("gone\n");
      expect(result).toReturnHeader("x-why", "old");
    },
  );

  scenario("timeout", { chain: routing([{ name: "slow", route: "v1", timeout: "0.1s" }]) }, async (run) => {
    expect(await run.send({ path: "/", response: { delay: 3_000 } })).toRespond(504);
    expect(await run.send({ path: "/" })).toForward();
  });

  scenario(
    "retries",
    { chain: routing([{ name: "retry", route: "v1", retries: { attempts: 2, retryOn: "503", perTryTimeout: "2s" } }]) },
    async (run) => {
      const result = await run.send({ path: "/", response: { status: 503 } });
      expect(result.status).toBe(503);
      expect(result).toSendHeader("x-envoy-attempt-count");
    },
  );
});

describe("protocols", () => {
  for (const protocol of ["http/1.1", "h2", "grpc", "websocket"] as const) {
    scenario(`${protocol} is routed`, { chain: matching({ headers: { "x-h": { exact: "a" } } }), container: true }, async (run) => {
      const result = await run.send({ path: "/", ...header("a"), protocol, body: "ping", response: { body: "pong" } });
      expect(result).toForward({ route: "v2" });
      expect(result.response?.body).toBe("pong");
    });
  }
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Question } from "../testing/ask.ts";
import { EchoMesh, to, virtualService } from "../testing/echo-mesh.ts";

const at = (path: string, more: Question = {}): Question => ({ path, ...more });
const having = (...headers: readonly (readonly [string, string])[]): Question => ({ headers });
const shadow1 = { host: "shadow", subset: "v1" };
const shadow2 = { host: "shadow", subset: "v2" };
const both = {
  uri: { prefix: "/a" },
  method: { exact: "GET" },
  headers: { "x-a": { exact: "1" } },
  queryParams: { v: { exact: "1" } },
  withoutHeaders: { "x-b": {} },
};

/** Matches of the root and of its delegate (`reviews-v2`), what comes to the delegate, and what to the root's last route (`reviews-v1`). */
type Row = readonly [
  what: string,
  root: readonly object[],
  delegate: readonly object[],
  takes: readonly Question[],
  leaves: readonly Question[],
];

const ROWS: readonly Row[] = [
  ["the root's match alone", [{ uri: { prefix: "/a" } }], [], [at("/a"), at("/ab")], [at("/b")]],
  ["the delegate's match alone", [], [{ uri: { prefix: "/a" } }], [at("/a")], [at("/b")]],
  ["a prefix within a prefix", [{ uri: { prefix: "/a" } }], [{ uri: { prefix: "/a/b" } }], [at("/a/b/c")], [at("/a"), at("/b")]],
  ["a path within a prefix", [{ uri: { prefix: "/a" } }], [{ uri: { exact: "/a/b" } }], [at("/a/b")], [at("/a/b/c"), at("/a")]],
  ["the same path", [{ uri: { exact: "/a" } }], [{ uri: { exact: "/a" } }], [at("/a")], [at("/a/b")]],
  ["another path: the route is dropped", [{ uri: { exact: "/a" } }], [{ uri: { exact: "/b" } }], [], [at("/a"), at("/b")]],
  ["a prefix beyond the root's: dropped", [{ uri: { prefix: "/a/b" } }], [{ uri: { prefix: "/a" } }], [], [at("/a/b"), at("/a")]],
  ["a prefix of a path: dropped", [{ uri: { exact: "/a/b" } }], [{ uri: { prefix: "/a/b" } }], [], [at("/a/b")]],
  ["a regular expression within anything: dropped", [{ uri: { prefix: "/a" } }], [{ uri: { regex: "/a.*" } }], [], [at("/a")]],
  ["anything within a regular expression: dropped", [{ uri: { regex: "/a.*" } }], [{ uri: { exact: "/a" } }], [], [at("/a")]],
  [
    "a regular expression, and another condition",
    [{ uri: { regex: "/a.*" } }],
    [{ method: { exact: "GET" } }],
    [at("/ab")],
    [at("/ab", { method: "POST" }), at("/b")],
  ],
  [
    "conditions on different things hold together",
    [{ uri: { prefix: "/a" } }],
    [{ headers: { "x-a": {} } }],
    [at("/a", having(["x-a", ""]))],
    [at("/a"), having(["x-a", ""])],
  ],
  [
    "of all things",
    [both],
    [
      {
        uri: { prefix: "/a/b" },
        headers: { "x-c": {} },
        queryParams: { w: {} },
        withoutHeaders: { "x-d": {} },
        scheme: { exact: "http" },
        authority: { prefix: "row" },
      },
    ],
    [at("/a/b?v=1&w", having(["x-a", "1"], ["x-c", ""]))],
    [
      at("/a?v=1&w", having(["x-a", "1"], ["x-c", ""])),
      at("/a/b?v=1&w", having(["x-c", ""])),
      at("/a/b?v=1&w", having(["x-a", "1"])),
      at("/a/b?v=1", having(["x-a", "1"], ["x-c", ""])),
      at("/a/b?w", having(["x-a", "1"], ["x-c", ""])),
      at("/a/b?v=1&w", having(["x-a", "1"], ["x-c", ""], ["x-b", ""])),
      at("/a/b?v=1&w", having(["x-a", "1"], ["x-c", ""], ["x-d", ""])),
      at("/a/b?v=1&w", { ...having(["x-a", "1"], ["x-c", ""]), method: "POST" }),
    ],
  ],
  [
    "another value of a header: dropped",
    [{ headers: { "x-a": { exact: "1" } } }],
    [{ headers: { "x-a": { exact: "2" } } }],
    [],
    [having(["x-a", "1"]), having(["x-a", "2"])],
  ],
  [
    "a value of a header within a prefix",
    [{ headers: { "x-a": { prefix: "1" } } }],
    [{ headers: { "x-a": { exact: "12" } } }],
    [having(["x-a", "12"])],
    [having(["x-a", "1"])],
  ],
  // Istio's `stringMatchConflict` knows of no presence.
  [
    "a value of a header that is to be there: dropped",
    [{ headers: { "x-a": {} } }],
    [{ headers: { "x-a": { exact: "1" } } }],
    [],
    [having(["x-a", "1"])],
  ],
  [
    "another query parameter's value: dropped",
    [{ queryParams: { v: { exact: "1" } } }],
    [{ queryParams: { v: { exact: "2" } } }],
    [],
    [at("/?v=1"), at("/?v=2")],
  ],
  ["another method: dropped", [{ method: { exact: "GET" } }], [{ method: { exact: "POST" } }], [], [{}, { method: "POST" }]],
  ["the same port", [{ port: 80 }], [{ port: 80 }], [{}], []],
  ["another port: dropped", [{ port: 80 }], [{ port: 81 }], [], [{}]],
  [
    "case counts for both, or for none: dropped",
    [{ uri: { prefix: "/a" }, ignoreUriCase: true }],
    [{ uri: { prefix: "/a/b" } }],
    [],
    [at("/a/b"), at("/A/B")],
  ],
  [
    "case counts for none",
    [{ uri: { prefix: "/a" }, ignoreUriCase: true }],
    [{ uri: { prefix: "/a/b" }, ignoreUriCase: true }],
    [at("/A/B")],
    [at("/A")],
  ],
  [
    "one of several of the root's",
    [{ uri: { prefix: "/a" } }, { uri: { prefix: "/b" } }],
    [{ uri: { exact: "/b/c" } }],
    [at("/b/c")],
    [at("/a"), at("/b")],
  ],
  [
    "several within several",
    [{ uri: { prefix: "/a" } }, { headers: { "x-a": {} } }],
    [{ uri: { exact: "/a/b" } }],
    [at("/a/b"), at("/a/b", having(["x-a", ""]))],
    [at("/a")],
  ],
  [
    "several, of which one is beyond: all are dropped",
    [{ uri: { prefix: "/a" } }],
    [{ uri: { exact: "/a/b" } }, { uri: { exact: "/c" } }],
    [],
    [at("/a/b"), at("/c")],
  ],
  ["labels of both", [{ sourceLabels: { app: "web" } }], [{ sourceLabels: { version: "v1" } }], [{}], []],
  ["another label: dropped", [{ sourceLabels: { app: "web" } }], [{ sourceLabels: { app: "shop" } }], [], [{}]],
  ["the same namespace", [{ sourceNamespace: "default" }], [{ sourceNamespace: "default" }], [{}], []],
  ["a namespace that the root does not name", [{ uri: { prefix: "/a" } }], [{ sourceNamespace: "default" }], [at("/a")], [at("/b")]],
  ["a namespace that the root alone names: dropped", [{ sourceNamespace: "default" }], [{ uri: { prefix: "/a" } }], [], [at("/a")]],
  ["a gateway among the root's", [{ gateways: ["mesh", "edge"] }], [{ gateways: ["mesh"] }], [{}], []],
  ["another gateway: dropped", [{ gateways: ["mesh"] }], [{ gateways: ["edge"] }], [], [{}]],
];

describe("a delegate", () => {
  let mesh: EchoMesh;

  beforeAll(async () => {
    const withMatch = (match: readonly object[]) => (match.length === 0 ? {} : { match });
    const rule = (value: string) => ({ response: { set: { "x-rule": value, "x-route": "%ROUTE_NAME%" } } });
    mesh = await EchoMesh.start({
      nodeId: "sidecar~10.0.0.1~client-1.default~default.svc.cluster.local",
      metadata: { LABELS: { app: "web", version: "v1" } },
      objects: [
        ...ROWS.flatMap(([, root, delegate], index) => [
          virtualService(
            `row-${index}`,
            [`row-${index}.test`],
            [{ ...withMatch(root), delegate: { name: `delegate-${index}` } }, { route: [to("reviews/v1")] }],
          ),
          virtualService(`delegate-${index}`, [], [{ ...withMatch(delegate), route: [to("reviews/v2")] }]),
        ]),
        virtualService(
          "root",
          ["root.test"],
          [
            { match: [{ uri: { prefix: "/missing" } }], delegate: { name: "missing" } },
            { match: [{ uri: { prefix: "/host" } }], delegate: { name: "row-0" } },
            { match: [{ uri: { prefix: "/hidden" } }], delegate: { name: "hidden", namespace: "other" } },
            { match: [{ uri: { prefix: "/shown" } }], delegate: { name: "shown", namespace: "other" } },
            {
              name: "root",
              match: [{ name: "outer", uri: { prefix: "/settings" } }],
              delegate: { name: "settings", namespace: "other" },
              headers: rule("root"),
              rewrite: { uri: "/root" },
              timeout: "20s",
              retries: { attempts: 0 },
              fault: { abort: { httpStatus: 418, percentage: { value: 100 } } },
              corsPolicy: { allowOrigins: [{ exact: "https://root.test" }] },
              mirror: { host: "shadow", subset: "v1" },
            },
            { route: [to("reviews/v1")] },
          ],
        ),
        virtualService("hidden", [], [{ route: [to("ratings.default.svc.cluster.local")] }], { namespace: "other", exportTo: ["."] }),
        virtualService("shown", [], [{ route: [to("ratings.default.svc.cluster.local")] }], { namespace: "other", exportTo: ["default"] }),
        virtualService(
          "settings",
          [],
          [
            {
              name: "own",
              match: [{ name: "inner", uri: { prefix: "/settings/own" } }],
              route: [to("ratings.default.svc.cluster.local")],
              headers: { response: { set: { "x-own": "%ROUTE_NAME%" } } },
              rewrite: { uri: "/own" },
              fault: { abort: { httpStatus: 400, percentage: { value: 0 } } },
              corsPolicy: { allowOrigins: [{ exact: "https://own.test" }] },
              mirror: { host: "shadow.default.svc.cluster.local", subset: "v2" },
            },
            { match: [{ uri: { prefix: "/settings/nothing" } }], route: [to("ratings.default.svc.cluster.local")] },
            {
              match: [{ uri: { prefix: "/settings/unfaulty" } }],
              route: [to("ratings.default.svc.cluster.local")],
              fault: { abort: { httpStatus: 400, percentage: { value: 0 } } },
            },
            { match: [{ uri: { prefix: "/settings/gone" } }], directResponse: { status: 410 }, headers: rule("gone") },
          ],
          { namespace: "other" },
        ),
        virtualService(
          "copies",
          ["copies.test"],
          [
            { match: [{ uri: { prefix: "/none-by-delegate" } }], delegate: { name: "none-by-delegate" }, mirror: shadow1 },
            { match: [{ uri: { prefix: "/none-by-root" } }], delegate: { name: "copied" }, mirrorPercentage: { value: 0 } },
            { match: [{ uri: { prefix: "/all-by-delegate" } }], delegate: { name: "all-by-delegate" }, mirrorPercent: 0, mirror: shadow1 },
            { match: [{ uri: { prefix: "/both" } }], delegate: { name: "several" }, mirror: shadow1 },
          ],
        ),
        virtualService("none-by-delegate", [], [{ route: [to("reviews/v1")], mirrorPercentage: { value: 0 } }]),
        virtualService("all-by-delegate", [], [{ route: [to("reviews/v1")], mirrorPercentage: { value: 100 } }]),
        virtualService("copied", [], [{ route: [to("reviews/v1")], mirror: shadow2 }]),
        virtualService("several", [], [{ route: [to("reviews/v1")], mirrors: [{ destination: shadow2 }] }]),
      ],
    });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  test.each(ROWS.map((row, index) => [row[0], index, row] as const))("has %s", async (_what, index, [, , , takes, leaves]) => {
    const host = `row-${index}.test`;
    for (const question of takes) expect([question, (await mesh.ask(host, question)).seen?.by]).toEqual([question, "reviews-v2"]);
    for (const question of leaves) expect([question, (await mesh.ask(host, question)).seen?.by]).toEqual([question, "reviews-v1"]);
  });

  test.each([
    ["that is missing", "/missing", "reviews-v1"],
    ["that has hosts, so is none", "/host", "reviews-v1"],
    ["that another namespace keeps to itself", "/hidden", "reviews-v1"],
    ["of another namespace", "/shown", "ratings-v1"],
  ])("%s", async (_what, path, by) => {
    expect((await mesh.ask("root.test", { path })).seen?.by).toBe(by);
  });

  test("has its own settings where it says something", async () => {
    const { seen, headers } = await mesh.ask("root.test", { path: "/settings/own", headers: [["origin", "https://own.test"]] });
    expect(seen).toMatchObject({ by: "ratings-v1", path: "/own" });
    expect(headers).toMatchObject({ "x-own": "root-own.outer-inner", "access-control-allow-origin": "https://own.test" });
    // All of the root's headers, not name by name.
    expect(headers).not.toHaveProperty("x-rule");
    await expect.poll(() => mesh.upstream("shadow-v2").requests.length).toBe(1);
    expect(mesh.upstream("shadow-v1").requests.length).toBe(0);
  });

  test("has the root's where it says nothing", async () => {
    const told = await mesh.ask("root.test", { path: "/settings/nothing" });
    expect(told).toMatchObject({ status: 418, headers: { "x-rule": "root" } });
    const { seen, headers } = await mesh.ask("root.test", { path: "/settings/unfaulty", headers: [["origin", "https://root.test"]] });
    expect(seen).toMatchObject({ by: "ratings-v1", path: "/root" });
    expect(headers).toMatchObject({ "x-rule": "root", "x-route": "root.outer", "access-control-allow-origin": "https://root.test" });
    await expect.poll(() => mesh.upstream("shadow-v1").requests.length).toBe(1);
  });

  test("has its mirrors put together with the root's field by field", async () => {
    for (const path of ["/none-by-delegate", "/none-by-root", "/all-by-delegate", "/both"]) await mesh.ask("copies.test", { path });
    const copies = (name: "shadow-v1" | "shadow-v2") =>
      mesh
        .upstream(name)
        .requests.filter(({ authority }) => authority === "copies.test")
        .map(({ path }) => path)
        .toSorted();
    await expect.poll(() => [copies("shadow-v1"), copies("shadow-v2")]).toEqual([["/all-by-delegate", "/both"], ["/both"]]);
  });
});

import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import type { ChainSpec, ExchangeRequest } from "../../harness/target/index.ts";
import { compileFilter } from "../testing/assembly.ts";
import { scenario } from "../testing/scenario.ts";
import { pick, seriesOf } from "./testing/series.ts";

const entry = fileURLToPath(new URL("index.ts", import.meta.url));

const overridden =
  (overrides: readonly object[], mode = "outbound") =>
  async (): Promise<ChainSpec> => ({
    filters: [
      {
        name: "telemetry",
        module: await compileFilter(entry),
        configuration: { mode, metrics: [{ providers: [{ name: "prometheus" }], overrides }] },
      },
    ],
    grpcStats: true,
    node: { metadata: { LABELS: { tier: "edge" }, ZONE: "a" } },
  });

const grpc: ExchangeRequest = { path: "/a/b", protocol: "grpc", body: "x", response: { body: "y" } };

describe("disabled", () => {
  const names = async (run: { metrics(): Promise<Readonly<Record<string, number>>> }) =>
    [...new Set(seriesOf(await run.metrics()).map(({ name }) => name))].toSorted();
  const messages = ["istio_request_messages_total", "istio_response_messages_total"];

  for (const [metric, name] of [
    ["REQUEST_COUNT", "istio_requests_total"],
    ["GRPC_REQUEST_MESSAGES", "istio_request_messages_total"],
    ["GRPC_RESPONSE_MESSAGES", "istio_response_messages_total"],
  ] as const) {
    scenario(`${metric}: no ${name}`, { chain: overridden([{ match: { metric }, disabled: true }]) }, async (run) => {
      await run.send(grpc);
      expect(await names(run)).toEqual([...messages, "istio_requests_total"].filter((other) => other !== name).toSorted());
    });
  }

  scenario(
    "ALL_METRICS, and one again",
    {
      chain: overridden([
        { match: { metric: "ALL_METRICS" }, disabled: true },
        { match: { metric: "REQUEST_COUNT" }, disabled: false },
      ]),
    },
    async (run) => {
      await run.send(grpc);
      expect(await names(run)).toEqual(["istio_requests_total"]);
    },
  );

  scenario("without a match: everything", { chain: overridden([{ disabled: true }]) }, async (run) => {
    await run.send(grpc);
    expect(await names(run)).toEqual([]);
  });
});

describe("match.mode", () => {
  for (const [mode, side, applies] of [
    ["CLIENT", "outbound", true],
    ["CLIENT", "inbound", false],
    ["SERVER", "outbound", false],
    ["SERVER", "inbound", true],
    ["CLIENT_AND_SERVER", "inbound", true],
  ] as const) {
    scenario(
      `${mode} ${applies ? "applies" : "does not apply"} in the mode ${side}`,
      { chain: overridden([{ match: { mode }, disabled: true }], side) },
      async (run) => {
        await run.send({ path: "/" });
        expect(seriesOf(await run.metrics())).toHaveLength(applies ? 0 : 1);
      },
    );
  }
});

describe("tagOverrides", () => {
  scenario(
    "REMOVE takes a label away, of the metric that it matches",
    {
      chain: overridden([
        {
          match: { metric: "REQUEST_COUNT" },
          tagOverrides: { source_workload: { operation: "REMOVE" }, response_code: { operation: "REMOVE" } },
        },
      ]),
    },
    async (run) => {
      await run.send(grpc);
      await run.send({ ...grpc, response: { body: "y", status: 200, trailers: [["grpc-status", "0"]] } });
      expect(pick(await run.metrics(), "istio_requests_total", "source_workload", "response_code", "source_app")).toEqual([
        [2, "(none)", "(none)", "unknown"],
      ]);
      expect(pick(await run.metrics(), "istio_request_messages_total", "source_workload")).toEqual([[2, "unknown"]]);
    },
  );

  scenario(
    "what is removed does not tell series apart",
    { chain: overridden([{ tagOverrides: { response_code: { operation: "REMOVE" }, response_flags: { operation: "REMOVE" } } }]) },
    async (run) => {
      for (const status of [200, 404, 500]) await run.send({ path: "/", response: { status } });
      const metrics = await run.metrics();
      expect(pick(metrics, "istio_requests_total")).toEqual([[3]]);
      expect(metrics["telemetry.series"]).toBe(1);
    },
  );

  scenario(
    "UPSERT sets a label in its place",
    { chain: overridden([{ tagOverrides: { destination_service: { operation: "UPSERT", value: "'mine'" } } }]) },
    async (run) => {
      await run.send({ path: "/" });
      const [series] = seriesOf(await run.metrics());
      expect(series?.labels["destination_service"]).toBe("mine");
      expect(Object.keys(series?.labels ?? {}).indexOf("destination_service")).toBe(14);
    },
  );

  scenario(
    "UPSERT, which need not be said, adds labels behind Istio's, sorted",
    { chain: overridden([{ tagOverrides: { zone: { value: "'z'" }, also: { value: "'a'" } } }]) },
    async (run) => {
      await run.send({ path: "/" });
      const [series] = seriesOf(await run.metrics());
      expect(Object.entries(series?.labels ?? {}).slice(-3)).toEqual([
        ["connection_security_policy", "unknown"],
        ["also", "a"],
        ["zone", "z"],
      ]);
    },
  );

  scenario(
    "a later override beats an earlier one",
    {
      chain: overridden([
        { tagOverrides: { a: { value: "'1'" }, b: { value: "'1'" } } },
        { match: { metric: "REQUEST_COUNT" }, tagOverrides: { a: { value: "'2'" }, b: { operation: "REMOVE" } } },
      ]),
    },
    async (run) => {
      await run.send(grpc);
      expect(pick(await run.metrics(), "istio_requests_total", "a", "b")).toEqual([[1, "2", "(none)"]]);
      expect(pick(await run.metrics(), "istio_request_messages_total", "a", "b")).toEqual([[1, "1", "1"]]);
    },
  );
});

describe("expressions", () => {
  const request: ExchangeRequest = {
    path: "/a?b=c",
    method: "PUT",
    authority: "reviews:9080",
    headers: [
      ["x-tier", "gold"],
      ["x-empty", ""],
      ["user-agent", "curl/8"],
    ],
    metadata: { shop: { plan: "big" } },
    response: { status: 201 },
  };

  const table: Readonly<Record<string, ReadonlyArray<readonly [expression: string, value: string]>>> = {
    "texts and attributes": [
      ["'text'", "text"],
      ['"it\'s \\"so\\""', 'it\'s "so"'],
      ["7", "7"],
      ["true", "true"],
      ["request.host", "reviews:9080"],
      ["request.method", "PUT"],
      ["request.url_path", "/a"],
      ["request.headers['x-tier']", "gold"],
      ['request.headers["X-Tier"]', "gold"],
      ["request.useragent", "curl/8"],
      ["request.headers['x-none']", "unknown"],
      ["response.code", "201"],
      ["string(response.code)", "201"],
      ["destination.port", "10000"],
      ["connection.mtls", "false"],
      ["xds.cluster_name", "upstream"],
      ["node.metadata['ZONE']", "a"],
      ["xds.node.metadata.LABELS.tier", "edge"],
      ["metadata.filter_metadata.shop.plan", "big"],
      ["filter_state['wasm.none']", "unknown"],
    ],
    "what is there, and what is not": [
      ["'x-tier' in request.headers ? 'yes' : 'no'", "yes"],
      ["'x-none' in request.headers ? 'yes' : 'no'", "no"],
      ["has(request.headers.host) ? 'yes' : 'no'", "yes"],
      ["has(request.headers.none) ? 'yes' : 'no'", "no"],
      ["has(request.useragent) ? request.useragent : 'none'", "curl/8"],
    ],
    operators: [
      ["request.method == 'PUT' ? 'write' : request.method == 'GET' ? 'read' : 'other'", "write"],
      ["response.code == 201", "true"],
      ["request.method != 'PUT'", "false"],
      ["request.method == 'GET' || response.code == 201 ? 'a' : 'b'", "a"],
      ["request.method == 'PUT' && response.code == 200 ? 'a' : 'b'", "b"],
      ["!(request.method == 'PUT') ? 'a' : 'b'", "b"],
      ["request.method == 'PUT' || request.headers['x-none'] == 'x' ? 'a' : 'b'", "a"],
      ["request.headers['x-none'] == 'x' || request.method == 'PUT' ? 'a' : 'b'", "a"],
      ["request.headers['x-none'] == 'x' && request.method == 'PUT' ? 'a' : 'b'", "unknown"],
      ["request.method + ' ' + request.url_path", "PUT /a"],
      ["request.method + request.headers['x-none']", "unknown"],
      ["request.url_path.startsWith('/a') ? 'a' : 'b'", "a"],
      ["request.host.endsWith('9081') ? 'a' : 'b'", "b"],
      ["(request.method + request.host).contains('Tre') ? 'a' : 'b'", "a"],
    ],
  };
  for (const [title, rows] of Object.entries(table)) {
    const tagOverrides = Object.fromEntries(rows.map(([value], i) => [`t${i}`, { value }]));
    scenario(title, { chain: overridden([{ tagOverrides }]) }, async (run) => {
      await run.send(request);
      const [series] = seriesOf(await run.metrics());
      expect(rows.map(([expression], i) => [expression, series?.labels[`t${i}`]])).toEqual(rows);
    });
  }
});

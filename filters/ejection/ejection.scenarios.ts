import { join } from "node:path";
import { describe, expect } from "vitest";
import type { ChainSpec, RouteSpec } from "../../harness/target/index.ts";
import { scenario } from "../../harness/vitest.ts";
import { compileFilter } from "../testing/assembly.ts";

const entry = join(import.meta.dirname, "index.ts");
const MARK = "x-meshwright-ejection";

/** The filter in the upstream chain. No route takes the mark away, so that it can be seen. */
const chain =
  (configuration: object, route: Partial<RouteSpec> = {}, more: Partial<ChainSpec> = {}) =>
  async (): Promise<ChainSpec> => ({
    filters: [],
    upstreamFilters: [{ name: "ejection", module: await compileFilter(entry), configuration, allowOnHeadersStopIteration: true }],
    routes: [{ name: "r", match: { prefix: "/" }, cluster: "upstream", ...route }],
    ...more,
  });

const rule = (match: object, consecutive = 1) => ({ rules: [{ name: "bad", match, consecutive }] });

describe("outlierDetection", () => {
  scenario("five answers of 5xx in a row are a verdict, by Istio's default", { chain: chain({ outlierDetection: {} }) }, async (run) => {
    for (let i = 1; i < 5; i++) {
      const result = await run.send({ path: "/", response: { status: 500 } });
      expect(result).toReturnHeader(MARK);
      expect(result.decisions).toEqual([
        { filter: "ejection", rule: "consecutive5xxErrors", result: "allow", reason: `failure ${i} of 5` },
      ]);
    }
    const last = await run.send({ path: "/", response: { status: 503 } });
    expect(last).toReturnHeader(MARK, "out");
    expect(last.decisions).toEqual([{ filter: "ejection", rule: "consecutive5xxErrors", result: "mark", reason: "the host is out" }]);
    expect(await run.metrics()).toMatchObject({ "ejection.failures": 5, "ejection.marks": 1 });
  });

  scenario(
    "a good answer in between begins the count anew",
    { chain: chain({ outlierDetection: { consecutive5xxErrors: 2 } }) },
    async (run) => {
      for (const status of [500, 200, 500, 404, 500]) expect(await run.send({ path: "/", response: { status } })).toReturnHeader(MARK);
      expect(await run.send({ path: "/", response: { status: 500 } })).toReturnHeader(MARK, "out");
    },
  );
});

describe("a rule", () => {
  scenario("by a header", { chain: chain(rule({ headers: { "x-error": { present: true } } }, 2)) }, async (run) => {
    const bad = { path: "/", response: { headers: [["x-error", "1"]] } } as const;
    expect(await run.send(bad)).toReturnHeader(MARK);
    const result = await run.send(bad);
    expect(result).toReturnHeader(MARK, "out");
    expect(result.decisions).toEqual([{ filter: "ejection", rule: "bad", result: "mark", reason: "the host is out" }]);
  });

  scenario(
    "whose mark the route takes away",
    { chain: chain(rule({ status: [200] }), { responseHeadersToRemove: [MARK] }) },
    async (run) => {
      const result = await run.send({ path: "/", response: { body: "fine" } });
      expect(result).toReturnHeader(MARK);
      expect(await run.metrics()).toMatchObject({ "ejection.marks": 1 });
    },
  );
});

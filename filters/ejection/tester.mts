import { join } from "node:path";
import { beforeAll } from "vitest";
import type { ChainSpec, ExchangeRequest, RouteSpec, ScriptedResponse } from "../../harness/target/index.ts";
import type { ScenarioRun } from "../../harness/vitest.ts";
import { compileFilter } from "../testing/assembly.ts";

// The filter in a chain, and what it marks, for the scenarios.

export let module: string;
beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "index.ts"));
}, 180_000);

export const MARK = "x-meshwright-ejection";

/**
 * The filter in the upstream chain. No route takes the mark away, so that it can be seen. One host may be out: else there would be a
 * warning sometime.
 */
export const chain =
  (
    { outlierDetection = { consecutive5xxErrors: 0 }, ...rest }: Readonly<Record<string, unknown>>,
    more: Partial<ChainSpec> = {},
    route: Partial<RouteSpec> = {},
  ) =>
  (): ChainSpec => ({
    filters: [],
    upstreamFilters: [
      {
        name: "ejection",
        module,
        configuration: { outlierDetection: { maxEjectionPercent: 100, ...(outlierDetection as object) }, ...rest },
        allowOnHeadersStopIteration: true,
      },
    ],
    routes: [{ name: "r", match: { prefix: "/" }, cluster: "upstream", ...route }],
    ...more,
  });

export const rule = (match: object, consecutive = 1) => ({ rules: [{ name: "bad", match, consecutive }] });

/** Sends one request for each answer, and tells which were marked. */
export async function marked(
  run: ScenarioRun,
  responses: readonly ScriptedResponse[],
  request: Partial<ExchangeRequest> = {},
): Promise<boolean[]> {
  const seen: boolean[] = [];
  for (const response of responses) {
    const result = await run.send({ path: "/", ...request, response });
    seen.push(result.response?.headers.some(([name]) => name === MARK) ?? false);
  }
  return seen;
}

export const statuses = (...codes: readonly number[]) => codes.map((status) => ({ status }));

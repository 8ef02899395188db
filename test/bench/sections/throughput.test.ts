import { expect, test } from "vitest";
import { findEnvoy } from "../../../harness/envoy/release/index.mjs";
import { clang } from "../../foreign/c.ts";
import { hasWrk } from "../client/wrk.ts";
import { measureThroughput } from "../measure/throughput.ts";
import { TARGETS } from "../report/targets.ts";
import { throughputVariants } from "../variants/throughput.ts";
import { throughput } from "./throughput.ts";

test("every set-up is measured, or the section says that `wrk` is missing", { timeout: 120_000 }, async (context) => {
  context.task.meta.target = "envoy";
  const envoy = await findEnvoy(process.env);
  if (envoy === undefined) {
    context.task.meta.notRun = "there is no Envoy on this machine";
    if (process.env["MESHWRIGHT_REQUIRE_ALL_TARGETS"] === "1") throw new Error(context.task.meta.notRun);
    return context.skip(context.task.meta.notRun);
  }
  const effort = { rounds: 1, batches: 100, requests: 0 };
  const result = await throughput.run({ ...effort, envoy: envoy.path, cores: undefined, progress: () => {} });
  if (!(await hasWrk())) {
    expect(result).toMatchObject({ rows: [], figures: {}, missing: ["throughput: this machine has no wrk (Debian: wrk)"] });
    return;
  }
  const floor = (await clang.find()) === undefined ? 0 : 1;
  expect(result.missing).toHaveLength(1 - floor);
  expect(result.rows).toHaveLength(4 + floor);
  for (const { figure } of TARGETS.filter(({ section }) => section === "throughput")) {
    expect(result.figures).toHaveProperty([figure], expect.any(Number));
  }
});

test("without `wrk` nothing is started, and each set-up is missing by that name", async () => {
  const { request, variants } = await throughputVariants();
  const options = { envoy: "no-such-envoy", cores: undefined, rounds: 1, slices: 1, progress: () => {}, wrk: "no-such-wrk" };
  const { rates, missing } = await measureThroughput(variants, request, options);
  expect(rates.size).toBe(0);
  expect([...missing.keys()]).toEqual(["no-filter", "mesh-downstream", "mesh", "modules", "floor"]);
  expect(new Set(missing.values())).toEqual(new Set(["this machine has no wrk (Debian: wrk)"]));
});

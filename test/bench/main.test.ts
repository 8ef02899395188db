import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test, type TestContext } from "vitest";
import { findEnvoy } from "../../harness/envoy/release/index.mjs";
import { REPOSITORY } from "../foreign/build.ts";
import type { Report } from "./report/markdown.ts";

function bench(...parameters: readonly string[]) {
  return spawnSync(process.execPath, [join(REPOSITORY, "test/bench/main.ts"), ...parameters], { encoding: "utf8" });
}

const missing = "there is no Envoy on this machine";

/** Runs the benchmark in Envoy, or says that it did not. */
async function measured(context: TestContext, ...parameters: readonly string[]): Promise<Report> {
  context.task.meta.target = "envoy";
  if ((await findEnvoy(process.env)) === undefined) {
    context.task.meta.notRun = missing;
    if (process.env["MESHWRIGHT_REQUIRE_ALL_TARGETS"] === "1") throw new Error(missing);
    return context.skip(missing);
  }
  const { status, stdout, stderr } = bench(...parameters, "--quick", "--rounds", "1", "--json");
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout) as Report;
}

test("a run measures what it was asked for", async (context) => {
  const { environment, results } = await measured(context, "--only", "no-filter,header-mutation");
  expect(environment.envoy).toMatch(/^1\.\d+\.\d+$/);
  expect(results["comparison"]?.rows.map(([title]) => title)).toEqual(["no filter", "header_mutation (native, without the condition)"]);
  // Not how long it took: that something was measured.
  for (const id of ["no-filter", "header-mutation"]) expect(results["comparison"]?.figures[id]).toBeGreaterThan(0);
});

test.each([
  { parameters: ["--only", "nonsense"], message: "--only nonsense: neither a file.wasm nor one of header-job, live-streams" },
  { parameters: ["--rounds", "none"], message: "--rounds none: not a whole number above 0" },
  { parameters: ["--fast"], message: "--fast" },
])("$parameters ends with code 2 and says why", ({ parameters, message }) => {
  const { status, stderr } = bench(...parameters);
  expect(status).toBe(2);
  expect(stderr).toContain(message);
  expect(stderr).toContain("--quick");
});

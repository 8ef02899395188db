import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { envoyTarget } from "../envoy/index.ts";
import { scriptedFilter } from "../host/testing/scripted-filter.ts";
import { requireTarget } from "./require-target.ts";

// Scenarios that must fail, in a vitest of their own.

interface Report {
  readonly testResults: ReadonlyArray<{
    readonly assertionResults: ReadonlyArray<{
      readonly title: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }>;
  }>;
}

const vitest = fileURLToPath(new URL("../vitest.mjs", import.meta.resolve("vitest")));
const config = join(import.meta.dirname, "testing/vitest.config.ts");

async function runFailing(environment: NodeJS.ProcessEnv): Promise<Map<string, { status: string; message: string }>> {
  const { VITEST: _, ...inherited } = process.env;
  const env = { ...inherited, NO_COLOR: "1", FAILING_MODULE: await scriptedFilter(), ...environment };
  const folder = await mkdtemp(join(tmpdir(), "meshwright-scenario-"));
  const file = join(folder, "report.json");
  await new Promise((resolve) => execFile(process.execPath, [vitest, "run", "--config", config, "--outputFile", file], { env }, resolve));
  const report = JSON.parse(await readFile(file, "utf8")) as Report;
  await rm(folder, { recursive: true });
  const results = report.testResults.flatMap((file) => file.assertionResults);
  return new Map(results.map(({ title, status, failureMessages }) => [title, { status, message: failureMessages.join("\n") }]));
}

let results: Awaited<ReturnType<typeof runFailing>>;

beforeAll(async () => {
  results = await runFailing({ MESHWRIGHT_REQUIRE_ALL_TARGETS: "0" });
});

test("where two targets differ, the later one fails and shows the difference", async (context) => {
  await requireTarget(envoyTarget, context);
  expect(results.get("sends different requests (in-process)")?.status).toBe("passed");
  const { status, message } = results.get("sends different requests (envoy)") ?? {};
  expect(status).toBe("failed");
  expect(message).toContain("envoy differs from the in-process host");
});

test("an expectation of the body that does not hold fails on every target, with the exchange and the filters' log", async (context) => {
  await requireTarget(envoyTarget, context);
  for (const target of ["in-process", "envoy"]) {
    const { status, message } = results.get(`expects what does not hold (${target})`) ?? {};
    expect(status).toBe("failed");
    expect(message).toContain("expected the exchange to be answered with 403; it was");
    expect(message).toContain(`Logged by the filters (${target})`);
    expect(message).toContain("info: hello from the filter");
  }
});

test("a module that is refused fails the scenario with the reason", () => {
  const { status, message } = results.get("is refused (in-process)") ?? {};
  expect(status).toBe("failed");
  expect(message).toContain("none.wasm");
});

test("a module that loops for ever is ended and named, in Envoy not even begun, and the run goes on", () => {
  for (const target of ["in-process", "envoy"]) {
    const { status, message } = results.get(`loops for ever (${target})`) ?? {};
    expect({ target, status }).toEqual({
      target,
      status: target === "envoy" && results.get("holds (envoy)")?.status === "skipped" ? "skipped" : "failed",
    });
    if (status === "skipped") continue;
    expect(message).toContain(
      "proxy_on_request_headers (request /) ran for more than 1 s and was ended, after proxy_log: does a module loop for ever?",
    );
    expect(message).toContain("info: hello");
  }
  const among = results.get("loops for ever, in the second of three requests (in-process)");
  expect(among?.status).toBe("failed");
  expect(among?.message).toContain("proxy_on_request_trailers (request /2) ran for more than 1 s and was ended, after proxy_log");
  const configuring = results.get("loops while it is configured (in-process)");
  expect(configuring?.status).toBe("failed");
  expect(configuring?.message).toContain("proxy_on_configure (loading the chain) ran for more than 1 s and was ended");
  expect(results.get("goes on after one that looped (in-process)")?.status).toBe("passed");
});

test("what holds, passes", () => {
  expect(results.get("holds (in-process)")?.status).toBe("passed");
  expect(results.get("sends many (in-process)")?.status).toBe("passed");
  expect(results.get("sends many (envoy)")?.status).toMatch(/passed|skipped/);
});

test("without an Envoy its tests do not run, or fail where every target is required", async () => {
  const missing = { ENVOY_BIN: "/nowhere/envoy" };
  const skipped = await runFailing({ ...missing, MESHWRIGHT_REQUIRE_ALL_TARGETS: "0" });
  expect(skipped.get("holds (envoy)")?.status).toBe("skipped");
  const required = await runFailing({ ...missing, MESHWRIGHT_REQUIRE_ALL_TARGETS: "1" });
  expect(required.get("holds (envoy)")?.status).toBe("failed");
  expect(required.get("holds (envoy)")?.message).toContain("envoy cannot run: ");
});

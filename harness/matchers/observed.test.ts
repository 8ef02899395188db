import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { compileFilter } from "../../filters/testing/assembly.ts";
import { Host, inProcessTarget, isolatedTarget, ManualClock } from "../host/index.ts";
import type { ExchangeResult, RunningTarget, Target } from "../target/index.ts";
import { expect as plainExpect } from "./expect.ts";
import "./vitest.ts";

// What runs: a filter that delays, answers and counts.

const CONFIGURATION = {
  rules: [
    { name: "slow", match: { uri: { prefix: "/slow" } }, delay: { percentage: { value: 100 }, fixedDelay: "250ms" } },
    { name: "broken", match: { uri: { prefix: "/broken" } }, abort: { percentage: { value: 100 }, httpStatus: 503 } },
  ],
};

let module: string;
beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "../../filters/fault/index.ts"));
}, 180_000);

const target = (): Promise<RunningTarget> => inProcessTarget.start({ filters: [{ name: "fault", module, configuration: CONFIGURATION }] });

describe("a stream of the in-process host", () => {
  const stream = () => {
    const host = new Host({ clock: new ManualClock() });
    return host.chain([host.load({ name: "fault", module, configuration: CONFIGURATION })]).request({ path: "/slow" });
  };

  test("toResumeAfter", () => {
    expect(stream()).toResumeAfter(250);
    expect(stream()).not.toResumeAfter(251);
    expect(stream()).not.toResumeAfter(249);
    expect(() => expect(stream()).toResumeAfter(300)).toThrow(
      "expected the stream to be held back for 300 ms and no longer; it was paused, forwarded after 299 ms, and forwarded then",
    );
  });

  test("a failure shows the request and what was logged since, decisions among it", () => {
    const host = new Host({ clock: new ManualClock(), logLevel: "debug" });
    const chain = host.chain([host.load({ name: "fault", module, configuration: CONFIGURATION })]);
    chain.request({ path: "/broken" });
    expect(() => expect(chain.request({ path: "/slow", headers: [["x-user", "ann"]] })).toResumeAfter(300)).toThrow(
      /forwarded then\n\nThe request was\n[^]*:path: \/slow\n {2}x-user: ann\n\nLogged by the filters \(all lines\):\n {2}debug: decision .*"rule":"slow"[^\n]*$/,
    );
  });
});

test("the in-process host", async () => {
  const host = new Host({ clock: new ManualClock(), logLevel: "debug" });
  host.chain([host.load({ name: "fault", module, configuration: CONFIGURATION })]).request({ path: "/broken" });
  await expect(host).toHaveMetric("fault.aborts_injected", 1);
  await expect(host).toHaveLogged('"rule":"broken"', "debug");
});

describe("a target", () => {
  test("toHaveMetric", async () => {
    await using running = await target();
    await running.send({ path: "/broken" });
    await expect(running).toHaveMetric("fault.aborts_injected");
    await expect(running).toHaveMetric("fault.aborts_injected", 1);
    await expect(running).not.toHaveMetric("fault.aborts_injected", 2);
    await expect(running).not.toHaveMetric("fault.none");
    await expect(async () => expect(running).toHaveMetric("fault.aborts_injected", 2)).rejects.toThrow(
      /^expected the metrics to have fault.aborts_injected at 2; they are\n\{[^]*"fault.aborts_injected": 1/,
    );
  });

  test("toHaveLogged", async () => {
    await using running = await target();
    await running.send({ path: "/broken" });
    await expect(running).toHaveLogged('"rule":"broken"');
    await expect(running).toHaveLogged(/"result":"abort"/, "debug");
    await expect(running).not.toHaveLogged(/"result":"abort"/, "error");
    const everywhere = /"result"/g;
    await expect(running).toHaveLogged(everywhere);
    await expect(running, "examined again").toHaveLogged(everywhere);
    await expect(async () => expect(running).toHaveLogged("nonsense")).rejects.toThrow(
      /^expected the filters to have logged "nonsense"\n\nThe request was\n[^]*\n\nLogged by the filters \(all lines\):\n[^]*debug: decision /,
    );
  });

  test("a failure shows the request and what was logged while it ran", async () => {
    await using running = await target();
    const result = await running.send({ path: "/broken", headers: [["x-user", "ann"]] });
    expect(() => expect(result).toForward()).toThrow(
      /^expected the exchange to be forwarded \{\}; it was\n[^]*"decisions": \[[^]*The request was\n[^]*"ann"[^]*Logged by the filters \(all lines\):\n {2}debug: decision /,
    );
  });
});

describe.each<[string, Target]>([
  ["in this thread", inProcessTarget],
  ["in a thread of its own", isolatedTarget()],
])("a failure on a target %s shows request, decisions and log lines", (_title, where) => {
  const SENT = /The request was\n[^]*"ann"/;
  const DECIDED = /"decisions": \[\n[^]*"rule": "broken"/;
  const LOGGED = /Logged by the filters \(all lines\):\n {2}debug: decision /;

  test.each<[string, (result: ExchangeResult, running: RunningTarget) => unknown]>([
    ["toRespondWith", (result) => expect(result).toRespondWith(200)],
    ["toHaveHeader, of the response", (result) => expect(result.response).toHaveHeader("x-none")],
    ["toHaveHeader, of its headers", (result) => expect(result.response?.headers).toHaveHeader("x-none")],
    ["toHaveMetric", (_result, running) => expect(running).toHaveMetric("fault.none")],
    ["toHaveLogged", (_result, running) => expect(running).toHaveLogged("nonsense")],
  ])("%s", async (_matcher, judge) => {
    await using running = await where.start({ filters: [{ name: "fault", module, configuration: CONFIGURATION }] });
    const result = await running.send({ path: "/broken", headers: [["x-user", "ann"]] });
    const message = await (async () => judge(result, running))().then(
      () => "it holds",
      (error: Error) => error.message,
    );
    for (const part of [SENT, DECIDED, LOGGED]) expect(message).toMatch(part);
    expect(message.match(/Logged by the filters/g), "lines are shown once").toHaveLength(1);
  });
});

describe("without vitest", () => {
  test("the same expectations, as errors of node:assert", async () => {
    await using running = await target();
    const result = await running.send({ path: "/broken" });
    plainExpect(result).toRespondWith(503);
    plainExpect(result).not.toForward();
    await plainExpect(running).toHaveMetric("fault.aborts_injected", 1);
    expect(() => plainExpect(result).toForward()).toThrow(expect.objectContaining({ name: "AssertionError", code: "ERR_ASSERTION" }));
    await expect(async () => plainExpect(running).not.toHaveMetric("fault.aborts_injected", 1)).rejects.toThrow(
      "expected the metrics not to have",
    );
  });

  test("in node:test", () => {
    const folder = mkdtempSync(join(tmpdir(), "node-test-"));
    const file = join(folder, "fault.test.ts");
    writeFileSync(
      file,
      `import test from "node:test";
import { expect, inProcessTarget } from ${JSON.stringify(join(import.meta.dirname, "../index.ts"))};
test("answers", async () => {
  await using running = await inProcessTarget.start({ filters: [{ name: "fault", module: ${JSON.stringify(module)}, configuration: ${JSON.stringify(CONFIGURATION)} }] });
  expect(await running.send({ path: "/broken" })).toRespondWith(503);
});`,
    );
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    expect(execFileSync(process.execPath, ["--test", "--test-reporter=tap", file], { env, encoding: "utf8" })).toContain("# pass 1");
    rmSync(folder, { recursive: true });
  });
});

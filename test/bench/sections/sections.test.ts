import { describe, expect, test } from "vitest";
import { findEnvoy } from "../../../harness/envoy/release/index.mjs";
import { TARGETS } from "../report/targets.ts";
import { algorithms, authentication } from "./authentication.ts";
import { authorization } from "./authorization.ts";
import { ejection } from "./ejection.ts";
import { fault } from "./fault.ts";
import { hosts } from "./hosts.ts";
import { mesh } from "./mesh.ts";
import { ratelimit } from "./ratelimit.ts";
import { telemetry } from "./telemetry.ts";

const CASES = [
  { section: authorization, expected: ["1, path prefix", "1000, path prefix", "1000, host"] },
  { section: authentication, expected: ["filter `authentication`, token forwarded", "filter `authentication`, token removed"] },
  {
    section: fault,
    expected: ["filter `fault`, 1,000 rules", "native `fault`, by a header", "filter `fault`, a delay of 100 ms is late by"],
  },
  { section: ratelimit, expected: ["one bucket for all", "one for each client address", "1000 limits, each for one value of a header"] },
  { section: ejection, expected: ["Istio's `outlierDetection`, the cluster named", "no settings for the cluster"] },
  { section: telemetry, expected: ["filter `telemetry`, every metric", "Envoy's `stats` access logger, every metric"] },
  { section: mesh, expected: ["`authentication`", "`telemetry`", "all six"] },
  { section: hosts, expected: ["as usual", "with a capital", "that nobody knows"] },
  { section: algorithms, expected: ["RS256", "ES256", "PS256", "EdDSA", "HS256"] },
];
/** Its module needs a compiler that a machine may lack. */
const WITHOUT_CLANG = "ours@new-verification";

describe.each(CASES)("$section.id", ({ section, expected }) => {
  test("every way does its job, and gives the figures that targets ask for", { timeout: 180_000 }, async (context) => {
    context.task.meta.target = "envoy";
    const envoy = await findEnvoy(process.env);
    if (envoy === undefined) {
      context.task.meta.notRun = "there is no Envoy on this machine";
      if (process.env["MESHWRIGHT_REQUIRE_ALL_TARGETS"] === "1") throw new Error(context.task.meta.notRun);
      return context.skip(context.task.meta.notRun);
    }
    // So few batches measure nothing, but each Envoy is configured, verified, and its counters are judged.
    const effort = { rounds: 1, batches: 100, requests: 0 };
    const result = await section.run({ ...effort, envoy: envoy.path, cores: undefined, progress: () => {} });
    const titles = result.rows.map(([title]) => title);
    for (const title of expected) expect(titles).toContain(title);
    for (const { figure, floor } of TARGETS.filter((target) => target.section === section.id)) {
      if (figure !== WITHOUT_CLANG || result.missing.length === 0) expect(result.figures).toHaveProperty([figure], expect.any(Number));
      if (floor !== undefined && result.missing.length === 0) expect(result.figures).toHaveProperty([floor], expect.any(Number));
    }
  });
});

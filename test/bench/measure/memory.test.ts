import { expect, test } from "vitest";
import { findEnvoy } from "../../../harness/envoy/release/index.mjs";
import { mixed, mixedMesh } from "../variants/mixed.ts";
import { FLOOD } from "../variants/ratelimit.ts";
import { measureMemory } from "./memory.ts";

/** A soak (scripts/soak.ts) asks for more. */
const REQUESTS = Number(process.env["MESHWRIGHT_MIXED_REQUESTS"] ?? 20_000);
/** Bytes a request: the design's, over a million. Of few requests pages that are touched late are a large part; then only a leak would be above. */
const MOST = REQUESTS < 1_000_000 ? 100 : 0.1;

test.for([
  ["mixed requests through authentication and authorization", mixed],
  ["mixed requests through six filters inside mesh", mixedMesh],
  ["requests of which most are of a new client through ratelimit", async () => FLOOD],
] as const)(
  `${REQUESTS.toLocaleString("en-US")} %s are answered rightly and leave memory flat`,
  { timeout: 60_000 + REQUESTS },
  async ([, variant], context) => {
    context.task.meta.target = "envoy";
    const envoy = await findEnvoy(process.env);
    if (envoy === undefined) {
      context.task.meta.notRun = "there is no Envoy on this machine";
      if (process.env["MESHWRIGHT_REQUIRE_ALL_TARGETS"] === "1") throw new Error(context.task.meta.notRun);
      return context.skip(context.task.meta.notRun);
    }
    const result = await measureMemory(await variant(), { envoy: envoy.path, cores: undefined, requests: REQUESTS });
    if ("missing" in result) throw new Error(result.missing);
    expect(result.bytesPerRequest).toBeLessThan(MOST);
  },
);

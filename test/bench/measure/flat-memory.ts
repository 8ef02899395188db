import { expect, test } from "vitest";
import { findEnvoy } from "../../../harness/envoy/release/index.mjs";
import type { Variant } from "../variants/variant.ts";
import { measureMemory } from "./memory.ts";

/** A soak (scripts/soak.ts) asks for more. */
const REQUESTS = Number(process.env["MESHWRIGHT_MIXED_REQUESTS"] ?? 20_000);
/** Bytes a request: the design's, over a million. Of few requests pages that are touched late are a large part; then only a leak would be above. */
const MOST = REQUESTS < 1_000_000 ? 100 : 0.1;

/** A test for each variant: so many of its requests are answered as they must be, and Envoy is no larger afterwards. */
export function testFlatMemory(cases: ReadonlyArray<readonly [what: string, provide: () => Promise<Variant>]>): void {
  test.for(cases)(
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
}

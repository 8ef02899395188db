import type { TestContext } from "vitest";
import type { Target } from "../target/index.ts";

declare module "vitest" {
  interface TaskMeta {
    /** Where the test ran; the reporter counts by it. */
    target?: "in-process" | "envoy" | "container" | "foreign";
    /** Why it did not run. */
    notRun?: string;
  }
}

/**
 * Counts a test under its target. Where this machine lacks the target, the test is reported as NOT RUN, with the reason; with
 * `MESHWRIGHT_REQUIRE_ALL_TARGETS=1` it fails.
 */
export async function requireTarget(
  target: Pick<Target, "name" | "unavailable">,
  context: Pick<TestContext, "task" | "skip">,
): Promise<void> {
  context.task.meta.target = target.name;
  const reason = await target.unavailable();
  if (reason === undefined) return;
  context.task.meta.notRun = reason;
  if (process.env["MESHWRIGHT_REQUIRE_ALL_TARGETS"] === "1") throw new Error(`${target.name} cannot run: ${reason}`);
  context.skip(reason);
}

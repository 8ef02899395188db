import { DefaultReporter, type TestCase, type TestModule, type TestRunEndReason, type SerializedError } from "vitest/node";
import { describe, missing, tally, TARGETS, type Outcome, type TargetName } from "./targets.ts";

/**
 * Vitest's own report, then the counts for each target, and the line `N passed, N failed` for whoever reads the end only. Where
 * `MESHWRIGHT_REQUIRE_ALL_TARGETS=1`, a whole run in which something did not run has failed.
 */
export default class TargetReporter extends DefaultReporter {
  override onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[], reason: TestRunEndReason): void {
    super.onTestRunEnd(modules, errors, reason);
    const outcomes = modules.flatMap((module) => [...module.children.allTests()].map(toOutcome));
    const tallies = tally(outcomes);
    const whole = this.#isWhole();
    // A file that does not load has no tests to count.
    const broken = modules.filter((module) => module.state() === "failed" && module.errors().length > 0).length + errors.length;
    const absent = whole && process.env["MESHWRIGHT_REQUIRE_ALL_TARGETS"] === "1" ? missing(tallies) : [];
    if (absent.length > 0) process.exitCode = 1;

    this.log("\nTargets");
    for (const line of describe(tallies, whole)) this.log(line);
    for (const title of absent) this.log(`  ${title}: must run here (MESHWRIGHT_REQUIRE_ALL_TARGETS=1), and did not, or not all of it`);
    const passed = tallies.reduce((sum, entry) => sum + entry.passed, 0);
    const failed = tallies.reduce((sum, entry) => sum + entry.failed, 0) + broken + absent.length;
    this.log(`\n${passed} passed, ${failed} failed`);
  }

  /** A run of chosen files, tests or projects says nothing about the targets that it leaves out. */
  #isWhole(): boolean {
    const { filenamePattern, config } = this.ctx as typeof this.ctx & { filenamePattern?: string[] };
    return (filenamePattern ?? []).length === 0 && config.testNamePattern === undefined && (config.project ?? []).length === 0;
  }
}

function toOutcome(test: TestCase): Outcome {
  const { state } = test.result();
  const { target, notRun } = test.meta() as { target?: string; notRun?: string };
  return {
    target: TARGETS.find((name): name is TargetName => name === target) ?? "unit",
    state: state === "pending" ? "skipped" : state,
    ...(notRun === undefined ? {} : { notRun }),
  };
}

/** Where a test ran, from its `task.meta.target`; a test that names none is `unit`. */
export const TARGETS = ["unit", "in-process", "envoy", "container", "foreign"] as const;
export type TargetName = (typeof TARGETS)[number];

/** What the summary calls them. */
const TITLES: Readonly<Record<TargetName, string>> = {
  unit: "unit",
  "in-process": "in-process",
  envoy: "Envoy",
  container: "container",
  foreign: "foreign modules",
};

/** One finished test. */
export interface Outcome {
  readonly target: TargetName;
  readonly state: "passed" | "failed" | "skipped";
  /** Why it did not run, from `task.meta.notRun`. */
  readonly notRun?: string;
}

export interface Tally {
  readonly title: string;
  readonly passed: number;
  readonly failed: number;
  /** Tests that did not run, by reason. */
  readonly notRun: ReadonlyMap<string, number>;
}

const NO_REASON = "skipped without a reason";

/** Counts by target, in the order of {@link TARGETS}; also of targets without a test. */
export function tally(outcomes: readonly Outcome[]): Tally[] {
  return TARGETS.map((target) => {
    const own = outcomes.filter((outcome) => outcome.target === target);
    const notRun = new Map<string, number>();
    for (const { state, notRun: reason } of own) {
      if (state === "skipped") notRun.set(reason ?? NO_REASON, (notRun.get(reason ?? NO_REASON) ?? 0) + 1);
    }
    const count = (state: Outcome["state"]) => own.filter((outcome) => outcome.state === state).length;
    return { title: TITLES[target], passed: count("passed"), failed: count("failed"), notRun };
  });
}

/** One line for each target, and one for each reason that kept tests from running. Targets without a test are NOT RUN where `whole`. */
export function describe(tallies: readonly Tally[], whole: boolean): string[] {
  const width = Math.max(...tallies.map(({ title }) => title.length));
  return tallies.flatMap((entry) => {
    const name = entry.title.padEnd(width);
    const lines = [...entry.notRun].map(([reason, count]) => `  ${name}  NOT RUN: ${count} ${count === 1 ? "test" : "tests"}: ${reason}`);
    if (entry.passed + entry.failed > 0) lines.unshift(`  ${name}  ${entry.passed} passed, ${entry.failed} failed`);
    else if (lines.length === 0 && whole) lines.push(`  ${name}  NOT RUN: there is no such test`);
    return lines;
  });
}

/** Titles of the targets of which a test, or every one, did not run. */
export function missing(tallies: readonly Tally[]): string[] {
  return tallies.filter((entry) => entry.notRun.size > 0 || entry.passed + entry.failed === 0).map((entry) => entry.title);
}

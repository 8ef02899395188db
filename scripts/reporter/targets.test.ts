import { expect, test } from "vitest";
import { describe, missing, tally, type Outcome } from "./targets.ts";

const outcomes: readonly Outcome[] = [
  { target: "unit", state: "passed" },
  { target: "in-process", state: "passed" },
  { target: "in-process", state: "failed" },
  { target: "envoy", state: "passed" },
  { target: "container", state: "skipped", notRun: "no container engine answers" },
  { target: "container", state: "skipped", notRun: "no container engine answers" },
  { target: "foreign", state: "passed" },
  { target: "foreign", state: "skipped", notRun: "Rust: there is no cargo" },
];

test("every target has its line, and what did not run is named with its reason", () => {
  expect(describe(tally(outcomes), true)).toEqual([
    "  unit             1 passed, 0 failed",
    "  in-process       1 passed, 1 failed",
    "  Envoy            1 passed, 0 failed",
    "  container        NOT RUN: 2 tests: no container engine answers",
    "  foreign modules  1 passed, 0 failed",
    "  foreign modules  NOT RUN: 1 test: Rust: there is no cargo",
  ]);
});

test("a target without a test is missing from a whole run, and not mentioned in a part of it", () => {
  const tallies = tally(outcomes.filter(({ target }) => target === "unit"));
  expect(describe(tallies, false)).toEqual(["  unit             1 passed, 0 failed"]);
  expect(describe(tallies, true)).toContain("  Envoy            NOT RUN: there is no such test");
  expect(missing(tallies)).toEqual(["in-process", "Envoy", "container", "foreign modules"]);
});

test("a target of which one test did not run is missing; a skip without a reason is one", () => {
  expect(missing(tally(outcomes))).toEqual(["container", "foreign modules"]);
  const skipped = tally([{ target: "unit", state: "skipped" }]);
  expect(describe(skipped, false)).toEqual(["  unit             NOT RUN: 1 test: skipped without a reason"]);
});

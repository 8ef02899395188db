import { expect, test } from "vitest";
import { compareProblemLists, type ToldProblem } from "./problems.ts";

const problem = (file: string, line: number, message: string): ToldProblem => ({
  file,
  line,
  column: 1,
  level: "error",
  code: "MW0004",
  path: "spec.hosts",
  message,
});

test("one that has moved, or stands in a copy, is neither new nor gone", () => {
  const before = [problem("old/a.yaml", 3, "is defined at old/b.yaml:1:2 too")];
  expect(compareProblemLists(before, [problem("new/a.yaml", 9, "is defined at new/b.yaml:7:2 too")])).toEqual({ new: [], gone: [] });
});

test("what comes and what goes is told by place", () => {
  const [a, b, c] = [problem("a.yaml", 1, "one"), problem("b.yaml", 1, "two"), problem("a.yaml", 9, "three")];
  expect(compareProblemLists([a], [b, c])).toEqual({ new: [c, b], gone: [a] });
});

test("the same twice is one more", () => {
  const [a, b] = [problem("a.yaml", 1, "one"), problem("b.yaml", 1, "one")];
  expect(compareProblemLists([a], [a, b])).toEqual({ new: [b], gone: [] });
});

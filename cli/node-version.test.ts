import { expect, test } from "vitest";
import { nodeProblem } from "./node-version.ts";

test.each([
  ["22.22.0", undefined],
  ["22.23.1", undefined],
  ["24.0.0", undefined],
  ["100.0.0", undefined],
  ["22.21.9", "Node 22.22 or newer is needed; this is 22.21.9"],
  ["22.3.0", "Node 22.22 or newer is needed; this is 22.3.0"],
  ["20.20.2", "Node 22.22 or newer is needed; this is 20.20.2"],
  ["9.9.9", "Node 22.22 or newer is needed; this is 9.9.9"],
])("Node %s", (version, problem) => {
  const found = nodeProblem(version, ">=22.22");
  if (problem === undefined) expect(found).toBeUndefined();
  else expect(found).toContain(problem);
});

import { expect, test } from "vitest";
import { FAULT } from "./fault.ts";

// Of a million requests of a benchmark, one meets the fault: it must not end the run, which takes nothing but a 200.
test("a fault by chance answers 200", async () => {
  const dice = FAULT.filter(({ id }) => id.endsWith("-dice"));
  expect(dice).toHaveLength(2);
  for (const variant of dice) expect(JSON.stringify(await variant.prepare())).toMatch(/(httpStatus\\"|http_status"):200\b/);
});

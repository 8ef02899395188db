import { expect, test } from "vitest";
import { Logs } from "./logs.ts";

test("only the last lines are kept, and those after a place are still known by it", () => {
  const logs = new Logs("info");
  for (let line = 0; line < 250_000; line++) logs.write(2, String(line), "filter", "");
  const { written } = logs;
  logs.write(2, "a", "filter", "");
  logs.write(0, "not kept", "filter", "");
  logs.write(2, "b", "filter", "");
  expect(written).toBe(250_000);
  expect(logs.since(written).map(({ message }) => message)).toEqual(["a", "b"]);
  expect(logs.lines.length).toBeLessThan(100_000);
  expect(logs.since(0)).toEqual(logs.lines);
});

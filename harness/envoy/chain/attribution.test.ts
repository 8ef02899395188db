import { expect, test } from "vitest";
import { Attribution } from "./attribution.ts";
import { logPrefixes } from "./plugin.ts";

const filter = { name: "mine", module: "mine.wasm" };
const prefix = logPrefixes(filter)[0] ?? "";

test("of a run that goes on and on the last lines are kept, and those of the present request are found", () => {
  const attribution = new Attribution([filter], () => undefined);
  const write = (message: string) =>
    attribution.take({ kind: "log", time: 0, level: "info", component: "wasm", message: `${prefix}${message}` });
  for (let i = 0; i < 130_000; i++) write(`line ${i}`);
  const before = attribution.written;
  write("of this request");
  expect(before).toBe(130_000);
  expect(attribution.since(before)).toEqual([{ level: "info", message: "of this request" }]);
  expect(attribution.lines.length).toBeLessThanOrEqual(100_000);
  expect(attribution.since(0).at(-2)?.message).toBe("line 129999");
});

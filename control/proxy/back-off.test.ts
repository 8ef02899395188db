import { expect, test } from "vitest";
import { BackOff } from "./back-off.ts";

/** With the longest waits that there can be, and with the shortest. */
const longest = () => new BackOff(() => 1);
const shortest = () => new BackOff(() => 0);

test("doubles with each crash, up to half a minute", () => {
  const backOff = longest();
  expect(Array.from({ length: 8 }, () => backOff.next(100))).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
});

test("is at least half as long: proxies that crash together do not come back together", () => {
  const backOff = shortest();
  expect([backOff.next(0), backOff.next(0)]).toEqual([250, 500]);
});

test("begins anew for what has served for a minute", () => {
  const backOff = longest();
  for (let crashes = 0; crashes < 5; crashes++) backOff.next(100);
  expect(backOff.next(60_000)).toBe(500);
  expect(backOff.next(59_999)).toBe(1000);
});

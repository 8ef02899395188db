import { afterEach, expect, test, vi } from "vitest";
import { LimitedLines } from "./limited-lines.ts";

afterEach(() => void vi.useRealTimers());

test("a flood is a few lines and a count, each second anew", () => {
  vi.useFakeTimers();
  const lines: string[] = [];
  const limited = new LimitedLines((fields, message) => void lines.push(`${message} ${JSON.stringify(fields)}`), "more came");
  for (let i = 0; i < 1000; i++) limited.add({ i }, "one came");
  expect([lines.length, lines.at(-1)]).toEqual([20, 'one came {"i":19}']);
  vi.advanceTimersByTime(1000);
  expect(lines.splice(0).at(-1)).toBe('more came {"count":980}');
  limited.add({ i: 0 }, "one came");
  vi.advanceTimersByTime(5000);
  expect(lines).toEqual(['one came {"i":0}']);
});

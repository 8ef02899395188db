import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Spaced } from "./spaced.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate", "performance"] }));
afterEach(() => void vi.useRealTimers());

/** Something that takes so many milliseconds, and when it was done. */
function spaced(takes: number) {
  const begin = performance.now();
  const done: number[] = [];
  const work = new Spaced(() => {
    vi.advanceTimersByTime(takes);
    done.push(performance.now() - begin);
  });
  return { work, done };
}

test("it is done once for all who ask in one turn, in the next", () => {
  const { work, done } = spaced(1);
  for (let i = 0; i < 10; i++) work.ask();
  expect(done).toEqual([]);
  vi.runAllTimers();
  expect(done).toEqual([1]);
});

test("who asks again and again has it done for a small part of the time", () => {
  const { work, done } = spaced(2);
  for (let i = 0; i < 1000; i++) {
    work.ask();
    vi.advanceTimersByTime(1);
  }
  expect(done.length).toBeGreaterThan(5);
  expect(done.length * 2).toBeLessThan(25);
});

test("nobody waits longer for the others than a tenth of a second", () => {
  const { work, done } = spaced(500);
  work.ask();
  vi.runAllTimers();
  work.ask();
  vi.advanceTimersByTime(100);
  expect(done).toHaveLength(2);
});

test("what was not begun when it is disposed of is not done", () => {
  const { work, done } = spaced(1);
  work.ask();
  work[Symbol.dispose]();
  vi.runAllTimers();
  expect(done).toEqual([]);
});

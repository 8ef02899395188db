import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BusyPoll } from "./busy-poll.ts";

vi.mock("node:os", () => ({ availableParallelism: () => 2 }));

let now = 0;

beforeEach(() => {
  now = 0;
  vi.useFakeTimers({ toFake: ["setImmediate", "clearImmediate"] });
  vi.spyOn(performance, "now").mockImplementation(() => now);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Lets milliseconds pass, without a turn of the event loop. */
function advance(milliseconds: number): void {
  now += milliseconds;
}

/** Whether it polls: the event loop is asked to come again without sleeping. */
function polls(): boolean {
  vi.advanceTimersToNextTimer();
  return vi.getTimerCount() > 0;
}

test("Polls while another request waits, for two milliseconds after one has been sent", () => {
  const poll = new BusyPoll(
    () => true,
    () => 0,
  );
  expect(polls()).toBe(false);
  poll.expect();
  expect(polls()).toBe(true);
  advance(1.5);
  expect(polls()).toBe(true);
  poll.expect();
  advance(1.5);
  expect(polls()).toBe(true);
  advance(1);
  expect(polls()).toBe(false);
});

test("Sleeps where nobody waits", () => {
  let isAwaited = true;
  const poll = new BusyPoll(
    () => isAwaited,
    () => 0,
  );
  poll.expect();
  expect(polls()).toBe(true);
  isAwaited = false;
  expect(polls()).toBe(false);
});

test("Leaves the core to others where they take it again and again, for longer each time", () => {
  let preemptions = 0;
  const poll = new BusyPoll(
    () => true,
    () => preemptions,
  );
  const sendMany = (preemptionsOfEach: number) => {
    for (let sent = 0; sent < 33; sent++) {
      poll.expect();
      preemptions += preemptionsOfEach;
    }
    advance(3);
    expect(polls()).toBe(false);
  };
  const pollsAgain = () => {
    poll.expect();
    return polls();
  };
  sendMany(0.5);
  expect(pollsAgain()).toBe(true);
  for (const rest of [50, 100, 200, 400, 800, 800]) {
    sendMany(2);
    // What happens to it while it sleeps does not count.
    preemptions += 1_000;
    advance(rest - 4);
    expect(pollsAgain()).toBe(false);
    advance(2);
    expect(pollsAgain()).toBe(true);
  }
  sendMany(0.5);
  sendMany(2);
  advance(48);
  expect(pollsAgain()).toBe(true);
});

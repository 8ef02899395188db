import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Turns, type Turn } from "./turns.ts";

/** Tasks by name, each of which ends when it is told to, and the names of those that began. */
class Tasks {
  readonly begun: string[] = [];
  readonly turns = new Map<string, Turn<string>>();
  private readonly ends = new Map<string, () => void>();
  private readonly queue: Turns<string>;

  constructor(queue: Turns<string>) {
    this.queue = queue;
  }

  /** @param takes the lane behind which it may run */
  add(name: string, takes?: string): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ends.set(name, () => resolve(name));
    return this.queue.run(
      (turn) => {
        this.turns.set(name, turn);
        this.begun.push(turn.lane === undefined ? name : `${name} behind ${turn.lane}`);
        return promise;
      },
      (lane) => lane === takes,
    );
  }

  async end(name: string): Promise<void> {
    this.ends.get(name)?.();
    await settled();
  }

  async offer(name: string, lane: string): Promise<boolean> {
    const turn = this.turns.get(name);
    const taken = turn !== undefined && this.queue.offer(turn, lane);
    await settled();
    return taken;
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

// The patience of a queue must not end while a busy machine comes to the next line.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

const PATIENCE = 20;

async function wait(milliseconds: number): Promise<void> {
  vi.advanceTimersByTime(milliseconds);
  await settled();
}

test("tasks begin one after the other, whether the one before ends well or not", async () => {
  const turns = new Turns(Infinity);
  const order: string[] = [];
  const failing = turns.run(() => Promise.reject(new Error("no")));
  const next = turns.run(() => Promise.resolve(order.push("next")));
  await expect(failing).rejects.toThrow("no");
  await next;
  await turns.run(() => Promise.resolve(order.push("later")));
  expect(order).toEqual(["next", "later"]);
});

test("a task that is held longer than is waited for lets the next one begin beside it", async () => {
  const tasks = new Tasks(new Turns(PATIENCE));
  const all = ["a", "b", "c"].map((name) => tasks.add(name));
  await wait(PATIENCE - 1);
  expect(tasks.begun).toEqual(["a"]);
  await wait(1);
  expect(tasks.begun).toEqual(["a", "b"]);
  await wait(PATIENCE);
  expect(tasks.begun).toEqual(["a", "b", "c"]);
  for (const name of ["c", "b", "a"]) await tasks.end(name);
  expect(await Promise.all(all)).toEqual(["a", "b", "c"]);
});

test("the next task begins on a lane that it takes, and those after it wait for it", async () => {
  const tasks = new Tasks(new Turns(Infinity));
  const all = [tasks.add("a"), tasks.add("b", "left"), tasks.add("c", "left")];
  await settled();
  expect(await tasks.offer("a", "right")).toBe(false);
  expect(tasks.begun).toEqual(["a"]);
  expect(await tasks.offer("a", "left")).toBe(true);
  expect(await tasks.offer("a", "left")).toBe(false);
  expect(tasks.begun).toEqual(["a", "b behind left"]);
  await tasks.end("a");
  expect(tasks.begun).toEqual(["a", "b behind left"]);
  await tasks.end("b");
  expect(tasks.begun).toEqual(["a", "b behind left", "c"]);
  await tasks.end("c");
  await Promise.all(all);
});

test("a task behind another is held only from the end of that one on", async () => {
  const tasks = new Tasks(new Turns(PATIENCE));
  const all = [tasks.add("a"), tasks.add("b", "lane"), tasks.add("c")];
  await settled();
  await tasks.offer("a", "lane");
  await wait(10 * PATIENCE);
  expect(tasks.begun).toEqual(["a", "b behind lane"]);
  await tasks.end("a");
  await wait(PATIENCE - 1);
  expect(tasks.begun).toEqual(["a", "b behind lane"]);
  await wait(1);
  expect(tasks.begun).toEqual(["a", "b behind lane", "c"]);
  for (const name of ["b", "c"]) await tasks.end(name);
  await Promise.all(all);
});

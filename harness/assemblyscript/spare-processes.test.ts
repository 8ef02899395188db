import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import { until } from "../until.ts";
import { SpareProcesses } from "./spare-processes.ts";

const OPTIONS = { execArgv: [], env: process.env };
let pool: SpareProcesses;
const taken: ChildProcess[] = [];
afterEach(async () => {
  await pool[Symbol.asyncDispose]();
  for (const process of taken.splice(0)) process.kill();
});

function take(options: Parameters<SpareProcesses["take"]>[0] = OPTIONS): ChildProcess {
  const process = pool.take(options);
  taken.push(process);
  return process;
}

/** Two test files that ran at once, and have ended. */
function round(): void {
  pool = new SpareProcesses();
  const [one, other] = [take(), take()];
  for (const process of [one, other]) process.kill();
  expect(pool.giveBack(one, false)).toBe(false);
  expect(pool.pids).toEqual([]);
  expect(pool.giveBack(other, false)).toBe(false);
}

test("there are as many as ran at once, each for one test file", () => {
  round();
  const waiting = [...pool.pids];
  expect(waiting).toHaveLength(2);
  expect([take().pid, take().pid].toSorted()).toEqual(waiting.toSorted());
  expect(waiting).not.toContain(take().pid);
});

test.each([
  ["another environment", { ...OPTIONS, env: { ...process.env, OTHER: "1" } }],
  ["other parameters", { ...OPTIONS, execArgv: ["--no-warnings"] }],
])("none is taken that was started with %s", (_, options) => {
  round();
  const waiting = [...pool.pids];
  expect(waiting).not.toContain(take(options).pid);
  expect(pool.pids).toEqual([]);
});

test("one that is idle is kept and taken before others, but for a test file that wants its own", () => {
  pool = new SpareProcesses();
  const [one, other] = [take(), take()];
  other.kill();
  expect(pool.giveBack(one, true)).toBe(true);
  expect(pool.giveBack(other, false)).toBe(false);
  expect(pool.pids).toHaveLength(2);
  expect(take().pid).not.toBe(one.pid);
  expect(pool.take(OPTIONS, false)).toBe(one);
});

test.each([
  ["what it has loaded has changed", () => pool.discard()],
  ["others are started with something else", () => take({ ...OPTIONS, execArgv: ["--no-warnings"] })],
  ["it has ended", (process: ChildProcess) => process.disconnect()],
  ["the pool has ended", () => void pool[Symbol.asyncDispose]()],
])("one that is idle is not kept where %s meanwhile", (_, change) => {
  pool = new SpareProcesses();
  const process = take();
  change(process);
  expect(pool.giveBack(process, true)).toBe(false);
  expect(pool.pids).not.toContain(process.pid);
});

test("none is taken that has loaded what has changed since", () => {
  round();
  const waiting = [...pool.pids];
  pool.discard();
  expect(waiting).not.toContain(take().pid);
});

test("none is taken that has ended", async () => {
  round();
  const [first = 0, second = 0] = pool.pids;
  process.kill(first, "SIGKILL");
  await until(
    "it is known",
    () => pool.pids,
    ({ length }) => length === 1,
  );
  expect(take().pid).toBe(second);
});

test("all end with the pool", async () => {
  round();
  const waiting = [...pool.pids];
  await pool[Symbol.asyncDispose]();
  const alive = () => waiting.filter(isAlive);
  await until("they have ended", alive, ({ length }) => length === 0);
});

test("one whose parent is gone ends", async () => {
  round();
  const process = take();
  process.disconnect();
  expect((await once(process, "exit"))[0]).toBe(1);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

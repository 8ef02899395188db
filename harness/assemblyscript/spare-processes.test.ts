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
  for (const process of [take(), take()]) process.kill();
  pool.gaveBack();
  expect(pool.waiting).toEqual([]);
  pool.gaveBack();
}

test("there are as many as ran at once, each for one test file", () => {
  round();
  const waiting = [...pool.waiting];
  expect(waiting).toHaveLength(2);
  expect([take().pid, take().pid].toSorted()).toEqual(waiting.toSorted());
  expect(waiting).not.toContain(take().pid);
});

test.each([
  ["another environment", { ...OPTIONS, env: { ...process.env, OTHER: "1" } }],
  ["other parameters", { ...OPTIONS, execArgv: ["--no-warnings"] }],
])("none is taken that was started with %s", (_, options) => {
  round();
  const waiting = [...pool.waiting];
  expect(waiting).not.toContain(take(options).pid);
  expect(pool.waiting).toEqual([]);
});

test("none is taken that has loaded what has changed since", () => {
  round();
  const waiting = [...pool.waiting];
  pool.discard();
  expect(waiting).not.toContain(take().pid);
});

test("none is taken that has ended", async () => {
  round();
  const [first = 0, second = 0] = pool.waiting;
  process.kill(first, "SIGKILL");
  await until(
    "it is known",
    () => pool.waiting,
    ({ length }) => length === 1,
  );
  expect(take().pid).toBe(second);
});

test("all end with the pool", async () => {
  round();
  const waiting = [...pool.waiting];
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

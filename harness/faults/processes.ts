import type { ChildProcess } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { until } from "../until.ts";
import { FaultError } from "./fault-error.ts";

/** A process of this machine: one of Node's children, or anything with a process id. */
export type Victim = Pick<ChildProcess, "pid"> | { readonly pid: number | undefined };

/** SIGKILL: nothing is finished, nothing closed by itself. Returns when it is gone, or a child of this process that is not yet reaped. */
export async function killProcess(victim: Victim): Promise<void> {
  const pid = signal(victim, "SIGKILL");
  await until(
    `process ${pid} is gone`,
    () => threadStates(pid),
    (states) => states.every(isOver),
  );
}

/** SIGSTOP: it keeps its connections and answers nothing. Returns when all of its threads stand still. To be healed by {@link resumeProcess}, or at the end of the block: `await using`. */
export async function pauseProcess(victim: Victim): Promise<AsyncDisposable> {
  const pid = signal(victim, "SIGSTOP");
  await until(
    `process ${pid} stands still`,
    () => threadStates(pid),
    (states) => states.every((state) => isStopped(state) || isOver(state)),
  );
  return {
    async [Symbol.asyncDispose]() {
      // It may have been killed meanwhile.
      if (!(await threadStates(pid)).every(isOver)) signal(victim, "SIGCONT");
    },
  };
}

/** SIGCONT, after {@link pauseProcess}. */
export async function resumeProcess(victim: Victim): Promise<void> {
  const pid = signal(victim, "SIGCONT");
  await until(
    `process ${pid} goes on`,
    () => threadStates(pid),
    (states) => !states.some(isStopped),
  );
}

function signal({ pid }: Victim, name: NodeJS.Signals): number {
  // 0 and negative numbers are groups of processes, this one's among them.
  if (pid === undefined || !Number.isInteger(pid) || pid <= 0)
    throw new FaultError("process", "the process was never started, so that it cannot suffer; start it first");
  try {
    process.kill(pid, name);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "EPERM" ? "belongs to another user" : "is gone already";
    throw new FaultError("process", `process ${pid} ${why}: ${name} cannot be sent to it`, { cause: error });
  }
  return pid;
}

const isStopped = (state: string) => state === "T" || state === "t";
const isOver = (state: string) => state === "Z" || state === "X";

/**
 * Linux's letters (proc_pid_stat(5)), one for each thread: that of the process is its first thread's, beside which others may run on. None of
 * a process that is gone, and where the machine does not tell (no /proc): then signals have to be trusted.
 */
async function threadStates(pid: number): Promise<readonly string[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const stats = threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, "utf8").catch(() => undefined));
  // The name stands in parentheses, and may have some of its own.
  return (await Promise.all(stats)).flatMap((stat) => stat?.charAt(stat.lastIndexOf(")") + 2) ?? []);
}

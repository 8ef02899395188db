import type { ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { until } from "../until.ts";
import { FaultError } from "./fault-error.ts";

/** A process of this machine: one of Node's children, or anything with a process id. */
export type Victim = Pick<ChildProcess, "pid"> | { readonly pid: number | undefined };

/** SIGKILL: nothing is finished, nothing closed by itself. Returns when it is gone, or a child of this process that is not yet reaped. */
export async function killProcess(victim: Victim): Promise<void> {
  const pid = signal(victim, "SIGKILL");
  await until(
    `process ${pid} is gone`,
    () => stateOf(pid),
    (state) => state === undefined || state === "Z" || state === "X",
  );
}

/** SIGSTOP: it keeps its connections and answers nothing. Returns when it stands still. To be healed by {@link resumeProcess}, or at the end of the block: `await using`. */
export async function pauseProcess(victim: Victim): Promise<AsyncDisposable> {
  const pid = signal(victim, "SIGSTOP");
  await until(
    `process ${pid} stands still`,
    () => stateOf(pid),
    (state) => state === undefined || state === "T" || state === "t",
  );
  return {
    async [Symbol.asyncDispose]() {
      // It may have been killed meanwhile.
      if ((await stateOf(pid)) !== undefined) signal(victim, "SIGCONT");
    },
  };
}

/** SIGCONT, after {@link pauseProcess}. */
export async function resumeProcess(victim: Victim): Promise<void> {
  const pid = signal(victim, "SIGCONT");
  await until(
    `process ${pid} goes on`,
    () => stateOf(pid),
    (state) => state !== "T" && state !== "t",
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

/** Linux's letter (proc_pid_stat(5)); `undefined` of a process that is gone, and where the machine does not tell (no /proc): then signals have to be trusted. */
async function stateOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The name stands in parentheses, and may have some of its own.
  return stat?.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
}

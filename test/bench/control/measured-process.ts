import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";

/** A process of its own, so that its CPU and memory are nobody else's. */
export class MeasuredProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  private readonly end: () => void;

  /** @param stdio of which stdin, stdout and stderr are pipes */
  constructor(command: string, parameters: readonly string[], stdio: readonly ("ignore" | "pipe" | "inherit")[]) {
    this.child = spawn(command, parameters, { stdio: [...stdio] });
    // However this process ends by its own will, also in the middle of a measurement, it leaves none behind.
    this.end = () => void this.child.kill("SIGKILL");
    process.once("exit", this.end);
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Seconds that its threads were on a CPU. */
  get cpu(): number {
    let nanoseconds = 0;
    for (const task of readdirSync(`/proc/${this.pid}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${this.pid}/task/${task}/schedstat`, "utf8").split(" ", 1)[0]);
    }
    return nanoseconds / 1e9;
  }

  /** Bytes resident. */
  get resident(): number {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"))?.[1]) * 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off("exit", this.end);
    const { child } = this;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  }
}

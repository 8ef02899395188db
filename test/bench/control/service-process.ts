import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../../cli/main.ts", import.meta.url));

/** `meshwright serve` in a process of its own. */
export class ServiceProcess implements AsyncDisposable {
  readonly port: number;
  private readonly child: ChildProcess;
  private readonly end: () => void;

  private constructor(child: ChildProcess, port: number, end: () => void) {
    this.child = child;
    this.port = port;
    this.end = end;
  }

  static async start(folder: string): Promise<ServiceProcess> {
    const parameters = [MAIN, "serve", "--config", folder, "--xds", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json"];
    const child = spawn(process.execPath, parameters, { stdio: ["ignore", "ignore", "pipe"] });
    // However this process ends by its own will, also in the middle of a measurement, it leaves none behind.
    const end = () => void child.kill("SIGKILL");
    process.once("exit", end);
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stderr })) {
      lines.push(line);
      const { xds } = JSON.parse(line.startsWith("{") ? line : "{}") as { readonly xds?: string };
      if (xds === undefined) continue;
      child.stderr.resume();
      return new ServiceProcess(child, Number(xds.slice(xds.lastIndexOf(":") + 1)), end);
    }
    process.off("exit", end);
    throw new Error(`the control service ended before it was ready:\n${lines.slice(-20).join("\n")}`);
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Seconds that its threads were on a CPU. */
  get cpu(): number {
    let nanoseconds = 0;
    for (const task of readdirSync(`/proc/${this.child.pid}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${this.child.pid}/task/${task}/schedstat`, "utf8").split(" ", 1)[0]);
    }
    return nanoseconds / 1e9;
  }

  /** Bytes resident. */
  get resident(): number {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.child.pid}/status`, "utf8"))?.[1]) * 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off("exit", this.end);
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGTERM");
    await ended;
  }
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** One line of a log in JSON; of any other output, `message` alone. */
export interface Line {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** A `meshwright proxy` that runs, and what it has logged. */
export class RunningProxy {
  readonly lines: Line[] = [];
  /** Its standard output. */
  output = "";
  private readonly child: ChildProcess;
  private readonly closed: Promise<unknown>;
  private rest = "";

  constructor(command: string, parameters: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(command, parameters, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
    this.closed = once(this.child, "close");
    this.child.stdout?.on("data", (bytes: Buffer) => (this.output += bytes.toString()));
    this.child.stderr?.on("data", (bytes: Buffer) => {
      const lines = (this.rest + bytes.toString()).split("\n");
      this.rest = lines.pop() ?? "";
      for (const line of lines) this.lines.push((line.startsWith("{") ? JSON.parse(line) : { message: line }) as Line);
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** The line with this number of those whose message contains `text`, when it is there. */
  async line(text: string, number = 1): Promise<Line> {
    for (const end = performance.now() + 20_000; performance.now() < end; await sleep(20)) {
      const found = this.lines.filter(({ message }) => message.includes(text))[number - 1];
      if (found !== undefined) return found;
    }
    throw new Error(`no line says ${text}:\n${this.lines.map((line) => JSON.stringify(line)).join("\n")}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** @returns the exit code */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    await this.closed;
    return this.child.exitCode;
  }
}

/** Also false of a process that has ended and that nobody has asked about. */
export function isAlive(pid: unknown): boolean {
  const stat = `/proc/${String(pid)}/stat`;
  return existsSync(stat) && !/^\d+ \(.*\) Z/.test(readFileSync(stat, "utf8"));
}

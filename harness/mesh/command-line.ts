import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { pauseProcess } from "../faults/index.ts";
import { MeshError } from "./mesh-error.ts";

/** The command line of this package: its sources in the repository, what was built of them in the package. */
export const MAIN = fileURLToPath(new URL(`../../cli/main${extname(import.meta.url)}`, import.meta.url));

/** One line of a log in JSON; of any other output, `message` alone. */
export interface LogLine {
  readonly message: string;
  readonly [field: string]: unknown;
}

/**
 * The shell becomes the program (`exec`), so that the child's pid is the program's. Its own child waits on a pipe from this process: the line that comes when the program has ended lets it go;
 * where the pipe closes instead, this process was killed, and it kills the program and removes the mesh's folder ($0). It ignores signals that go to the whole group.
 */
const GUARDED = `{ trap "" TERM HUP INT; read -r ended <&3 || { kill -9 $$; rm -rf "$0"; }; } >/dev/null 2>&1 </dev/null & exec "$@" 3<&-`;
/** Where Node keeps by itself what it has compiled (`module.enableCompileCache`): the command line starts in half the time. */
export const CACHE = join(tmpdir(), "node-compile-cache");
/** Milliseconds that a process may take to clean up. */
const PATIENCE = 3_000;
/** Lines of a log that are kept, the last ones. */
const KEPT = 5_000;

/** A process of a mesh, which does not outlive this one: of this machine, or in a container. */
export abstract class MeshProcess {
  /** The last ones. */
  readonly lines: LogLine[] = [];
  readonly name: string;
  /** How it ended; undefined while it runs. */
  protected how: string | undefined;
  private waiting: (() => void)[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** 0 where it has none on this machine. */
  abstract readonly pid: number;

  get running(): boolean {
    return this.how === undefined;
  }

  /** The log as text, oldest line first. */
  get log(): readonly string[] {
    return this.lines.map(({ message, ...fields }) =>
      Object.keys(fields).length === 0 ? message : JSON.stringify({ message, ...fields }),
    );
  }

  /** The first line for which `wanted` holds, when it is there. @throws MeshError where the process ends before, or not within `timeout` milliseconds */
  async line(what: string, wanted: (line: LogLine) => boolean, timeout: number): Promise<LogLine> {
    for (const deadline = performance.now() + timeout; ;) {
      const found = this.lines.find(wanted);
      if (found !== undefined) return found;
      if (!this.running) {
        await this.closed();
        const late = this.lines.find(wanted);
        if (late !== undefined) return late;
        throw new MeshError("exited", `${this.name} ended (${String(this.how)}) before ${what}`, this.log);
      }
      const left = deadline - performance.now();
      if (left <= 0) throw new MeshError("exited", `${this.name}: not within ${timeout} ms ${what}`, this.log);
      const over = new AbortController();
      const next = new Promise<void>((resolve) => this.waiting.push(resolve));
      await Promise.race([next, sleep(left, undefined, { signal: over.signal }).catch(() => undefined)]);
      over.abort();
    }
  }

  abstract signal(signal: NodeJS.Signals): void;

  /** To a process that it started, by the pid that it logged. */
  abstract signalChild(pid: number, signal: NodeJS.Signals): void;

  /** SIGSTOP to it and to processes that it started. Returns when they stand still. */
  abstract pause(children?: readonly number[]): Promise<void>;

  /** SIGCONT to them. */
  abstract resume(children?: readonly number[]): void;

  /** Waits until it and whatever it started are gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.signal(signal);
    await this.closed();
  }

  /** Ends it so that it leaves nothing, but waits for nobody. */
  abstract leave(): Promise<void>;

  /** Called with each line that is logged from now on. */
  onLine: (line: LogLine) => void = () => undefined;

  /** When it has ended, and all that it wrote is in the log. */
  protected abstract closed(): Promise<unknown>;

  protected ended(how: string): void {
    this.how ??= how;
    this.wake();
  }

  /** What it writes, line by line. */
  protected read(stream: Readable | null): void {
    if (stream !== null) createInterface({ input: stream }).on("line", (text) => this.push(text));
  }

  private push(text: string): void {
    const line = lineOf(text);
    this.lines.push(line);
    this.onLine(line);
    if (this.lines.length > KEPT) this.lines.shift();
    this.wake();
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const each of waiting) each();
  }
}

/** A process of this machine. */
export class LocalProcess extends MeshProcess {
  private readonly child: ChildProcess;
  private readonly over: Promise<unknown>;

  /** @param folder of the mesh, removed where this process is killed */
  constructor(name: string, folder: string, command: readonly string[], env: Readonly<Record<string, string | undefined>> = {}) {
    super(name);
    this.child = spawn("sh", ["-c", GUARDED, folder, ...command], {
      // Not standard input for the guard, which Node closes as soon as a child has ended.
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      // A group of its own: Ctrl-C at a terminal is for the test.
      detached: true,
      env: { NODE_COMPILE_CACHE: CACHE, ...process.env, ...env },
    });
    const guard = this.child.stdio[3] as Writable | null;
    guard?.on("error", () => undefined);
    this.over = once(this.child, "close").catch(() => undefined);
    const end = (how: string) => {
      guard?.end("ended\n");
      this.ended(how);
    };
    this.child.once("error", (error) => end(error.message));
    this.child.once("exit", (code, signal) => end(signal ?? `exit code ${String(code)}`));
    this.read(this.child.stdout);
    this.read(this.child.stderr);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) this.child.kill(signal);
  }

  signalChild(pid: number, signal: NodeJS.Signals): void {
    process.kill(pid, signal);
  }

  async pause(children: readonly number[] = []): Promise<void> {
    if (this.running) await Promise.all([this.pid, ...children].map((pid) => pauseProcess({ pid })));
  }

  resume(children: readonly number[] = []): void {
    this.signal("SIGCONT");
    for (const pid of children) this.signalChild(pid, "SIGCONT");
  }

  /** A proxy takes two signals for that. */
  async leave(): Promise<void> {
    // Of two equal ones the second could be lost.
    for (const signal of ["SIGTERM", "SIGINT", "SIGCONT"] as const) this.signal(signal);
    const timer = setTimeout(() => this.signal("SIGKILL"), PATIENCE);
    await this.over;
    clearTimeout(timer);
  }

  protected closed(): Promise<unknown> {
    return this.over;
  }
}

function lineOf(text: string): LogLine {
  if (!text.startsWith("{")) return { message: text };
  try {
    const value = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return { ...value, message: typeof value["message"] === "string" ? value["message"] : text };
  } catch {
    return { message: text };
  }
}

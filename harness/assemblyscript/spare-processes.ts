import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import type { PoolOptions, PoolRunnerInitializer, PoolWorker, WorkerRequest } from "vitest/node";

/** Tells a process that nobody waits for yet to load what every test file needs. */
export const LOAD = "meshwright:load";

/** What a process says that is done with what it was told, and could run other test files. */
export interface Idle {
  readonly type: "meshwright:idle";
  /** Bytes, of the process. */
  readonly memory: number;
}

/** Spare processes at most. Each has some 90 MB, and two cores have no use for more at once. */
const MOST = 4;
/** Bytes up to which a process that has run tests is kept: what they leave behind stays. */
const KEPT_MEMORY = 512 << 20;
/** Milliseconds that a process has to become idle, and to end by itself; as vitest's own. */
const PATIENCE = 500;

type Start = Pick<PoolOptions, "execArgv" | "env">;

/**
 * A pool for vitest, as `forks`, but for where processes come from: they were started while nothing ran, so that a changed line does not wait until Node, vitest and the harness are loaded.
 * With `isolate: false` they stay from one change to the next, with what V8 has compiled; else each ends with its test file. See https://vitest.dev/guide/advanced/pool.
 */
export class SpareProcesses implements PoolRunnerInitializer, AsyncDisposable {
  readonly name = "meshwright";
  /** What they were started with, and what they have loaded, has not changed since. Those that have run tests come first. */
  private readonly used = new Set<ChildProcess>();
  private readonly unused = new Set<ChildProcess>();
  /** Those that run, unless something has changed. */
  private readonly current = new Set<ChildProcess>();
  private options: (Start & { readonly key: string }) | undefined;
  private running = 0;
  /** Taken since nothing ran. */
  private wanted = 0;
  private ended = false;

  createPoolWorker(options: PoolOptions): PoolWorker {
    return new TestProcess(this, options);
  }

  /** A process that has loaded what every test file needs, or one that begins to. */
  take({ execArgv, env }: Start, isolate = true): ChildProcess {
    const key = JSON.stringify([execArgv, env]);
    if (key !== this.options?.key) {
      this.discard();
      this.options = { key, execArgv, env };
    }
    this.running++;
    this.wanted++;
    const process = this.waiting(isolate) ?? start(execArgv, env);
    this.current.add(process);
    return process;
  }

  /**
   * One of {@link take} is done. When all are, there are as many as ran, which wait for the next change.
   *
   * @param idle whether it can run other test files
   * @returns whether it will; if not, whoever has it ends it
   */
  giveBack(process: ChildProcess, idle: boolean): boolean {
    this.running--;
    const keeps = this.current.delete(process) && idle && process.connected && !this.ended;
    if (keeps) hold(process, this.used);
    if (this.running > 0 || this.ended || this.options === undefined) return keeps;
    const { execArgv, env } = this.options;
    for (let missing = Math.min(this.wanted, MOST) - this.used.size - this.unused.size; missing > 0; missing--) {
      const another = start(execArgv, env);
      hold(another, this.unused);
      another.send(LOAD);
    }
    this.wanted = 0;
    return keeps;
  }

  /** Process ids of those that wait. */
  get pids(): readonly number[] {
    return [...this.used, ...this.unused].flatMap(({ pid }) => pid ?? []);
  }

  /** What processes have loaded has changed. */
  discard(): void {
    for (const process of [...this.used, ...this.unused]) process.kill();
    for (const set of [this.used, this.unused, this.current]) set.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.ended = true;
    this.discard();
    return Promise.resolve();
  }

  private waiting(isolate: boolean): ChildProcess | undefined {
    for (const set of isolate ? [this.unused] : [this.used, this.unused])
      for (const process of set) {
        set.delete(process);
        process.removeAllListeners();
        if (process.connected) return process;
      }
    return undefined;
  }
}

function start(execArgv: string[], env: PoolOptions["env"]): ChildProcess {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const entry = fileURLToPath(new URL(`./test-process.${extension}`, import.meta.url));
  return fork(entry, [], { execArgv, env, stdio: "pipe", serialization: "advanced" });
}

/** In the set as long as it is there. */
function hold(process: ChildProcess, set: Set<ChildProcess>): void {
  set.add(process);
  process.once("exit", () => set.delete(process));
  process.on("error", () => set.delete(process));
}

/** As vitest's `ForksPoolWorker`, but for where the process comes from. */
class TestProcess implements PoolWorker {
  readonly name = "meshwright";
  /** Modules that vitest transformed are read from its files. */
  readonly cacheFs = true;
  private readonly processes: SpareProcesses;
  private readonly options: PoolOptions;
  private started: ChildProcess | undefined;
  private readonly idle = Promise.withResolvers<boolean>();

  constructor(processes: SpareProcesses, options: PoolOptions) {
    this.processes = processes;
    this.options = options;
  }

  on(event: string, callback: (...values: unknown[]) => void): void {
    this.process.on(event, callback);
  }

  off(event: string, callback: (...values: unknown[]) => void): void {
    this.process.off(event, callback);
  }

  send(message: WorkerRequest): void {
    this.process.send(message);
  }

  deserialize(data: unknown): unknown {
    return data;
  }

  start(): Promise<void> {
    const process = (this.started ??= this.processes.take(this.options, this.isolate));
    process.on("message", (message) => {
      if (isIdle(message)) this.idle.resolve(message.memory <= KEPT_MEMORY);
    });
    process.once("exit", () => this.idle.resolve(false));
    const { outputStream, errorStream } = this.options.project.vitest.logger;
    // What has run tests before still writes there.
    if (process.stdout?.readableFlowing === null) process.stdout.pipe(outputStream, { end: false });
    if (process.stderr?.readableFlowing === null) process.stderr.pipe(errorStream, { end: false });
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    const process = this.process;
    const impatience = setTimeout(() => this.idle.resolve(false), PATIENCE);
    const isKept = this.processes.giveBack(process, !this.isolate && (await this.idle.promise));
    clearTimeout(impatience);
    if (!isKept) await this.end(process);
    this.started = undefined;
  }

  private async end(process: ChildProcess): Promise<void> {
    const { outputStream, errorStream } = this.options.project.vitest.logger;
    const exited = process.exitCode === null && process.signalCode === null ? once(process, "exit") : undefined;
    const impatience = setTimeout(() => process.kill("SIGKILL"), PATIENCE);
    process.kill();
    await exited;
    clearTimeout(impatience);
    await Promise.all([flushed(process.stdout, outputStream), flushed(process.stderr, errorStream)]);
  }

  private get isolate(): boolean {
    return this.options.project.config.isolate;
  }

  private get process(): ChildProcess {
    if (this.started === undefined) throw new Error("the test process was not started, or has ended");
    return this.started;
  }
}

function isIdle(message: unknown): message is Idle {
  return typeof message === "object" && message !== null && "type" in message && message.type === "meshwright:idle";
}

/** What a process wrote last comes after its end. */
async function flushed(stream: Readable | null, target: Writable): Promise<void> {
  if (stream === null) return;
  await finished(stream, { writable: false }).catch(() => undefined);
  stream.unpipe(target);
}

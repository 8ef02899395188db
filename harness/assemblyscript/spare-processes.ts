import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import type { PoolOptions, PoolRunnerInitializer, PoolWorker, WorkerRequest } from "vitest/node";

/** Tells a process that nobody waits for yet to load what every test file needs. */
export const LOAD = "meshwright:load";

/** Spare processes at most. Each has some 90 MB, and two cores have no use for more at once. */
const MOST = 4;
/** Milliseconds that a process has to end by itself; as vitest's own. */
const PATIENCE = 500;

/**
 * A pool for vitest in which each test file has a process of its own, as in `forks`, that was started while nothing ran: a changed line does not wait until Node, vitest and the harness are loaded.
 * A process that has run a file ends. See https://vitest.dev/guide/advanced/pool.
 */
export class SpareProcesses implements PoolRunnerInitializer, AsyncDisposable {
  readonly name = "meshwright";
  private readonly spare = new Set<ChildProcess>();
  /** What the spare ones were started with. */
  private options: { readonly key: string; readonly execArgv: string[]; readonly env: PoolOptions["env"] } | undefined;
  private running = 0;
  /** Started since nothing ran. */
  private wanted = 0;
  private ended = false;

  createPoolWorker(options: PoolOptions): PoolWorker {
    return new TestProcess(this, options);
  }

  /** A process that has loaded what every test file needs, or one that begins to. */
  take({ execArgv, env }: Pick<PoolOptions, "execArgv" | "env">): ChildProcess {
    const key = JSON.stringify([execArgv, env]);
    if (key !== this.options?.key) {
      this.discard();
      this.options = { key, execArgv, env };
    }
    this.running++;
    this.wanted++;
    for (const process of this.spare) {
      this.spare.delete(process);
      process.removeAllListeners();
      if (process.connected) return process;
    }
    return start(execArgv, env);
  }

  /** One of {@link take} ends. When all do, there are as many new ones, which wait for the next change. */
  gaveBack(): void {
    this.running--;
    if (this.running > 0 || this.ended || this.options === undefined) return;
    const { execArgv, env } = this.options;
    for (let missing = Math.min(this.wanted, MOST) - this.spare.size; missing > 0; missing--) {
      const process = start(execArgv, env);
      this.spare.add(process);
      process.once("exit", () => this.spare.delete(process));
      process.on("error", () => this.spare.delete(process));
      process.send(LOAD);
    }
    this.wanted = 0;
  }

  /** Their process ids. */
  get waiting(): readonly number[] {
    return [...this.spare].flatMap(({ pid }) => pid ?? []);
  }

  /** What the spare ones have loaded has changed. */
  discard(): void {
    for (const process of this.spare) process.kill();
    this.spare.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.ended = true;
    this.discard();
    return Promise.resolve();
  }
}

function start(execArgv: string[], env: PoolOptions["env"]): ChildProcess {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const entry = fileURLToPath(new URL(`./test-process.${extension}`, import.meta.url));
  return fork(entry, [], { execArgv, env, stdio: "pipe", serialization: "advanced" });
}

/** As vitest's `ForksPoolWorker`, but for where the process comes from. */
class TestProcess implements PoolWorker {
  readonly name = "meshwright";
  /** Modules that vitest transformed are read from its files. */
  readonly cacheFs = true;
  private readonly processes: SpareProcesses;
  private readonly options: PoolOptions;
  private started: ChildProcess | undefined;

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
    this.started ??= this.processes.take(this.options);
    const { outputStream, errorStream } = this.options.project.vitest.logger;
    this.started.stdout?.pipe(outputStream, { end: false });
    this.started.stderr?.pipe(errorStream, { end: false });
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    const process = this.process;
    const { outputStream, errorStream } = this.options.project.vitest.logger;
    const exited = process.exitCode === null && process.signalCode === null ? once(process, "exit") : undefined;
    const impatience = setTimeout(() => process.kill("SIGKILL"), PATIENCE);
    process.kill();
    this.processes.gaveBack();
    await exited;
    clearTimeout(impatience);
    await Promise.all([flushed(process.stdout, outputStream), flushed(process.stderr, errorStream)]);
    this.started = undefined;
  }

  private get process(): ChildProcess {
    if (this.started === undefined) throw new Error("the test process was not started, or has ended");
    return this.started;
  }
}

/** What a process wrote last comes after its end. */
async function flushed(stream: Readable | null, target: Writable): Promise<void> {
  if (stream === null) return;
  await finished(stream, { writable: false }).catch(() => undefined);
  stream.unpipe(target);
}

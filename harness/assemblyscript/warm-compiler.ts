import { Worker } from "node:worker_threads";
import type { Compilation, Compiled } from "./asc-main.ts";

/**
 * Megabytes for objects that live shortly, which are nearly all that a compiler makes: with V8's own 16 a fifth of its time goes into collecting them.
 */
const YOUNG_GENERATION = 128;

/**
 * asc in a thread that stays: the second compilation finds its code compiled by V8, and takes a third of the time of the first. One at a time, in the
 * order in which they are asked for.
 */
export class WarmCompiler implements AsyncDisposable {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, { resolve: (compiled: Compiled) => void; reject: (error: Error) => void }>();
  private lastId = 0;
  private ended: Error | undefined;

  constructor() {
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    this.worker = new Worker(new URL(`./asc-main.${extension}`, import.meta.url), {
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION },
    });
    this.worker.unref();
    this.worker.on("message", (compiled: Compiled) => {
      this.waiting.get(compiled.id)?.resolve(compiled);
      this.waiting.delete(compiled.id);
    });
    this.worker.on("error", (error: Error) => this.end(error));
    this.worker.on("exit", () => this.end(new Error("the compiler's thread ended")));
  }

  /** Whether its thread is there: an asc that crashes takes it along. */
  get alive(): boolean {
    return this.ended === undefined;
  }

  /** Compilations that it has not done yet. */
  get pending(): number {
    return this.waiting.size;
  }

  /**
   * Runs asc with the parameters of its command line.
   *
   * @returns what asc says about sources that do not compile; `undefined` where they do
   */
  async compile(parameters: readonly string[]): Promise<string | undefined> {
    if (this.ended !== undefined) throw this.ended;
    const id = ++this.lastId;
    const { promise, resolve, reject } = Promise.withResolvers<Compiled>();
    this.waiting.set(id, { resolve, reject });
    this.worker.postMessage({ id, parameters } satisfies Compilation);
    return (await promise).problem;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end(new Error("the compiler was disposed of"));
    await this.worker.terminate();
  }

  private end(reason: Error): void {
    this.ended ??= reason;
    for (const { reject } of this.waiting.values()) reject(this.ended);
    this.waiting.clear();
  }
}

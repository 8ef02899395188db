import { Worker } from "node:worker_threads";
import { TargetError, type ChainSpec, type ExchangeRequest, type ExchangeResult } from "../../harness/target/index.ts";

/** Milliseconds that a module may take to start, or for one request. */
const TIME_LIMIT = 5_000;

interface Message {
  readonly ready?: true;
  readonly refused?: string;
  readonly logs?: readonly string[];
  readonly result?: ExchangeResult;
  readonly error?: string;
}

/** The in-process target in a worker thread, which is ended when a module does not come back. */
export class GuardedTarget implements AsyncDisposable {
  private readonly worker: Worker;

  private constructor(worker: Worker) {
    this.worker = worker;
  }

  /** Rejects with a {@link TargetError} where the module or its configuration is refused, or the module does not come back. */
  static async start(chain: ChainSpec): Promise<GuardedTarget> {
    const file = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js";
    const target = new GuardedTarget(new Worker(new URL(file, import.meta.url), { workerData: chain }));
    try {
      const { refused, logs } = await target.answer("while it started");
      if (refused !== undefined) throw new TargetError(refused, logs ?? []);
      return target;
    } catch (error) {
      await target[Symbol.asyncDispose]();
      throw error;
    }
  }

  async send(request: ExchangeRequest): Promise<ExchangeResult> {
    const answer = this.answer("during a request");
    this.worker.postMessage(request);
    const { result, error } = await answer;
    if (result === undefined) throw new TargetError(error ?? "no result");
    return result;
  }

  private answer(when: string): Promise<Message> {
    const { worker } = this;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        settle();
        reject(new TargetError(`the module did not come back within ${TIME_LIMIT / 1_000} s ${when}: it loops for ever, or nearly`));
      }, TIME_LIMIT);
      function settle(): void {
        clearTimeout(timer);
        worker.off("message", onMessage);
        worker.off("error", onError);
      }
      function onMessage(message: Message): void {
        settle();
        resolve(message);
      }
      function onError(error: Error): void {
        settle();
        reject(new TargetError(`the in-process host failed: ${error.message}`, [], { cause: error }));
      }
      worker.on("message", onMessage);
      worker.on("error", onError);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.terminate();
  }
}

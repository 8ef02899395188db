import { MessageChannel, Worker } from "node:worker_threads";
import { HostError, type HostErrorCode } from "../errors.ts";
import { TargetError, type ChainSpec, type ExchangeResult, type LogLine, type RunningTarget, type Target } from "../../target/index.ts";
import { withEvidence } from "../../target/evidence.ts";
import { lastCallOf } from "../trace/last-call.ts";
import type { CallProfile } from "../trace/profiler.ts";
import type { TracedCallback } from "../trace/recorder.ts";
import {
  READY,
  type CalloutQuestion,
  type CalloutReply,
  type Instrument,
  type SentReply,
  type WorkerCommand,
  type WorkerReply,
  type WorkerStart,
} from "./messages.ts";

export interface IsolationOptions {
  /** Milliseconds that loading a chain, or one request, may take. Default: 5,000. */
  readonly timeLimit?: number;
}

const DEFAULT_TIME_LIMIT = 5_000;

/**
 * The in-process target in a thread of its own with a watchdog: a module that loops for ever ends with the error `time-limit` instead of
 * hanging the process (in Envoy it would hang a worker, and every request on it, for ever).
 *
 * ```ts
 * await using target = await isolatedTarget({ timeLimit: 1000 }).start({ filters: [{ name: "mine", module: "mine.wasm" }] });
 * ```
 */
export function isolatedTarget(options: IsolationOptions = {}): Target {
  return {
    name: "in-process",
    unavailable: () => Promise.resolve(undefined),
    start: (chain) => IsolatedTarget.start(chain, options.timeLimit ?? DEFAULT_TIME_LIMIT),
  };
}

/** A chain whose calls are recorded. */
export interface TracedTarget extends RunningTarget {
  /** Callbacks since the last time; the first time those of the start, too. */
  trace(): Promise<readonly TracedCallback[]>;
  /** Loads the chain anew, as after a start of Envoy. */
  restart(): Promise<void>;
}

/** A chain whose calls are counted, and whose functions V8 takes samples of. */
export interface ProfiledTarget extends RunningTarget {
  /** Counts, and takes samples, from here on. */
  begin(): Promise<void>;
  /** Sums since then; ends the profile. */
  profile(): Promise<CallProfile>;
}

/** As {@link isolatedTarget}, recording every callback and hostcall. */
export function startTraced(chain: ChainSpec, options: IsolationOptions = {}): Promise<TracedTarget> {
  return IsolatedTarget.start(chain, options.timeLimit ?? DEFAULT_TIME_LIMIT, "trace");
}

/** As {@link isolatedTarget}, counting callbacks and hostcalls. */
export function startProfiled(chain: ChainSpec, options: IsolationOptions = {}): Promise<ProfiledTarget> {
  return IsolatedTarget.start(chain, options.timeLimit ?? DEFAULT_TIME_LIMIT, "profile");
}

type Command = WorkerCommand extends infer C ? (C extends WorkerCommand ? Omit<C, "id"> : never) : never;

class IsolatedTarget implements TracedTarget, ProfiledTarget {
  private readonly worker: Worker;
  private readonly timeLimit: number;
  private readonly waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  private lastId = 0;
  private readonly lastCall = new SharedArrayBuffer(8);
  /** A thread takes as long to start as the machine is busy, which is no fault of a module. */
  private readonly ready = Promise.withResolvers<void>();
  /** Why the worker is gone; `undefined` while it runs. */
  private ended: Error | undefined;

  private constructor(chain: ChainSpec, timeLimit: number, instrument: Instrument | undefined) {
    this.timeLimit = timeLimit;
    const { callouts = {}, ...spec } = chain;
    const { port1, port2 } = new MessageChannel();
    const ready = new SharedArrayBuffer(4);
    const data: WorkerStart = {
      spec,
      calloutClusters: Object.keys(callouts),
      callouts: { port: port2, ready },
      instrument,
      lastCall: this.lastCall,
    };
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    this.worker = new Worker(new URL(`./worker-main.${extension}`, import.meta.url), { workerData: data, transferList: [port2] });
    this.worker.on("message", (reply: WorkerReply) => this.settle(reply));
    this.worker.on("error", (error: Error) => this.end(HostError.from(error)));
    this.worker.on("exit", () => this.end(new HostError("misuse", "the host's thread ended")));
    port1.on("message", (question: CalloutQuestion) => {
      const answer = (reply: CalloutReply) => {
        port1.postMessage(reply);
        Atomics.store(new Int32Array(ready), 0, 1);
        Atomics.notify(new Int32Array(ready), 0);
      };
      try {
        const handler = callouts[question.cluster];
        answer(handler === undefined ? { failed: "no such cluster" } : handler(question.request));
      } catch (error) {
        answer({ failed: error instanceof Error ? error.message : String(error) });
      }
    });
    port1.unref();
  }

  static async start(chain: ChainSpec, timeLimit: number, instrument?: Instrument): Promise<IsolatedTarget> {
    const target = new IsolatedTarget(chain, timeLimit, instrument);
    try {
      await target.ask({ command: "start" }, "loading the chain");
    } catch (error) {
      await target[Symbol.asyncDispose]();
      throw error instanceof HostError ? new TargetError(error.message, error.logs, { cause: error }) : error;
    }
    return target;
  }

  async send(request: Parameters<RunningTarget["send"]>[0]): Promise<ExchangeResult> {
    const { result, logs } = (await this.ask({ command: "send", request }, `request ${request.id ?? request.path}`)) as SentReply;
    return withEvidence(result, { request, logs }, this);
  }

  async metrics(): Promise<Readonly<Record<string, number>>> {
    return (await this.ask({ command: "metrics" }, "metrics")) as Record<string, number>;
  }

  async logs(): Promise<readonly LogLine[]> {
    return (await this.ask({ command: "logs" }, "logs")) as LogLine[];
  }

  async trace(): Promise<readonly TracedCallback[]> {
    return (await this.ask({ command: "calls" }, "the trace")) as TracedCallback[];
  }

  async begin(): Promise<void> {
    await this.ask({ command: "begin" }, "the profile");
  }

  async profile(): Promise<CallProfile> {
    return (await this.ask({ command: "calls" }, "the profile")) as CallProfile;
  }

  async restart(): Promise<void> {
    await this.ask({ command: "restart" }, "loading the chain");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ended ??= new HostError("misuse", "the target was disposed of");
    await this.worker.terminate();
  }

  private async ask(command: Command, what: string): Promise<unknown> {
    if (this.ended !== undefined) throw this.ended;
    const id = ++this.lastId;
    // First: what cannot be cloned throws, and then nobody waits.
    this.worker.postMessage({ ...command, id });
    const answer = new Promise<unknown>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    await this.ready.promise;
    const timer = setTimeout(() => this.overrun(what), this.timeLimit);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
      this.waiting.delete(id);
    }
  }

  private overrun(what: string): void {
    const where = lastCallOf(this.lastCall);
    const message = `${what} ran longer than ${this.timeLimit} ms and was ended${where}: does a module loop for ever? In Envoy it would block its worker, and every request on it.`;
    this.end(new HostError("time-limit", message));
    void this.worker.terminate();
  }

  private settle({ id, value, error }: WorkerReply): void {
    if (id === READY) this.ready.resolve();
    const waiting = this.waiting.get(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(thrown(error));
  }

  private end(reason: Error): void {
    this.ended ??= reason;
    this.ready.resolve();
    for (const { reject } of this.waiting.values()) reject(this.ended);
    this.waiting.clear();
  }
}

/** What the worker threw, as it would be in this thread: a program tells by the code what went wrong. */
function thrown({ name, code, message, logs }: NonNullable<WorkerReply["error"]>): Error {
  const reason = code === undefined ? undefined : new HostError(code as HostErrorCode, message, { logs });
  return name === "TargetError" ? new TargetError(message, logs, { cause: reason }) : (reason ?? new Error(message));
}

import { Script } from "node:vm";
import type { CallbackName } from "../callbacks.ts";
import { HostError } from "../errors.ts";
import type { HostObserver } from "../observer.ts";
import {
  TargetError,
  type ChainSpec,
  type ExchangeRequest,
  type ExchangeResult,
  type RunningTarget,
  type Target,
} from "../../target/index.ts";
import { startInProcess } from "./index.ts";

/**
 * The in-process target, in this thread, with an end to what it does: a module that loops for ever makes the error `time-limit` instead of hanging the
 * test runner. It starts as fast as the plain one; a request costs about 0.1 ms more.
 *
 * @param timeLimit milliseconds that loading a chain, or one request, may take
 */
export function boundedTarget(timeLimit: number): Target {
  return {
    name: "in-process",
    unavailable: () => Promise.resolve(undefined),
    start: async (chain) => BoundedTarget.start(chain, timeLimit),
  };
}

class BoundedTarget implements RunningTarget {
  private readonly target: RunningTarget;
  private readonly timeLimit: number;
  private readonly calls: CurrentCall;
  /** Why no request can be sent any more: whose code was cut off is in no state that anybody knows. */
  private overrun: HostError | undefined;

  private constructor(target: RunningTarget, timeLimit: number, calls: CurrentCall) {
    this.target = target;
    this.timeLimit = timeLimit;
    this.calls = calls;
  }

  static start(chain: ChainSpec, timeLimit: number): BoundedTarget {
    const calls = new CurrentCall();
    const target = within(timeLimit, () => startInProcess(chain, calls));
    if (target === TIMED_OUT) {
      const reason = tooLong("loading the chain", timeLimit, calls);
      throw new TargetError(reason.message, [], { cause: reason });
    }
    return new BoundedTarget(target, timeLimit, calls);
  }

  async send(request: ExchangeRequest): Promise<ExchangeResult> {
    if (this.overrun !== undefined) throw this.overrun;
    // The host does all that a request needs before it returns.
    const result = within(this.timeLimit, () => this.target.send(request));
    if (result !== TIMED_OUT) return result;
    throw this.overran(request);
  }

  /** Many in one run of V8: the thread that ends it costs more than most requests do. Each has the time limit, and twice that at most. */
  async sendAll(requests: readonly ExchangeRequest[]): Promise<readonly ExchangeResult[]> {
    const results: Array<Promise<ExchangeResult>> = [];
    const sendSome = () => {
      const end = realTime() + this.timeLimit;
      for (const request of requests.slice(results.length)) {
        results.push(this.target.send(request));
        if (realTime() > end) return;
      }
    };
    while (results.length < requests.length) {
      if (this.overrun !== undefined) throw this.overrun;
      if (within(2 * this.timeLimit, sendSome) !== TIMED_OUT) continue;
      await Promise.allSettled(results);
      throw this.overran(requests[results.length] as ExchangeRequest);
    }
    return Promise.all(results);
  }

  private overran({ id, path }: ExchangeRequest): HostError {
    return (this.overrun = tooLong(`request ${id ?? path}`, this.timeLimit, this.calls));
  }

  metrics(): ReturnType<RunningTarget["metrics"]> {
    return this.target.metrics();
  }

  logs(): ReturnType<RunningTarget["logs"]> {
    return this.target.logs();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.target[Symbol.asyncDispose]() as Promise<void>;
  }
}

/** Milliseconds. Endless loops are none of the test's clock. */
// eslint-disable-next-line no-restricted-properties -- see above
const realTime = (): number => performance.now();

const TIMED_OUT = Symbol("timed out");
const TASK = "meshwright:bounded";
const RUN = new Script(`globalThis[${JSON.stringify(TASK)}]()`);

/** Runs `task` to its end, or until V8 ends it, be it in a loop of WebAssembly. No `catch` and no `finally` of the task is run then. */
function within<T>(milliseconds: number, task: () => T): T | typeof TIMED_OUT {
  const globals = globalThis as Record<string, unknown>;
  globals[TASK] = task;
  try {
    return RUN.runInThisContext({ timeout: milliseconds }) as T;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return TIMED_OUT;
    throw error;
  } finally {
    globals[TASK] = undefined;
  }
}

function tooLong(what: string, timeLimit: number, calls: CurrentCall): HostError {
  const where = calls.callback === undefined ? what : `${calls.callback} (${what})`;
  const last = calls.callback === undefined ? "" : calls.hostcall === undefined ? ", before any hostcall" : `, after ${calls.hostcall}`;
  return new HostError(
    "time-limit",
    `${where} ran for more than ${timeLimit / 1_000} s and was ended${last}: does a module loop for ever? In Envoy it would block its worker, and every request on it.`,
  );
}

/** What a module does at the moment. */
class CurrentCall implements HostObserver {
  callback: CallbackName | undefined;
  hostcall: string | undefined;

  callbackStarted(_vm: unknown, name: CallbackName): void {
    this.callback = name;
    this.hostcall = undefined;
  }

  callbackEnded(): void {
    this.callback = undefined;
  }

  hostcallStarted(_vm: unknown, name: string): void {
    this.hostcall = name;
  }

  hostcallEnded(): void {}

  allocated(): void {}
}

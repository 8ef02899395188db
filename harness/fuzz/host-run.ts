import { HostError } from "../host/errors.ts";
import type { TracedCallback } from "../host/trace/recorder.ts";
import { startTraced, type TracedTarget } from "../host/worker/index.ts";
import type { ChainSpec, ExchangeRequest, ExchangeResult } from "../target/index.ts";
import type { Finding, FindingKind } from "./finding.ts";

/** Bytes by which one request may make the memory grow. */
const HOG = 64 * 1024 ** 2;
/** Milliseconds for a request in the host, where time is virtual. */
const TIME_LIMIT = 3_000;

/** Where a difference is that the host itself tells of. */
export const NOT_SUPPORTED = "not-supported";

const KINDS: Readonly<Record<string, FindingKind>> = {
  "time-limit": "loop",
  "would-crash-envoy": "crash",
  "would-corrupt-response": "corrupt",
  "not-supported": "difference",
};

/** What became of a request in the host. */
export interface HostOutcome {
  readonly result?: ExchangeResult;
  /** What is wrong with it in itself, without the requests. */
  readonly wrong?: Omit<Finding, "requests">;
  readonly callbacks: readonly TracedCallback[];
}

/** One run of a chain in the host, from a fresh start. */
export class HostRun implements AsyncDisposable {
  private readonly target: TracedTarget;
  private memory = 0;
  /** False after what ends the thread, or leaves it in a state of which nothing is known. */
  alive = true;

  private constructor(target: TracedTarget) {
    this.target = target;
  }

  static async start(chain: ChainSpec): Promise<HostRun> {
    const run = new HostRun(await startTraced(chain, { timeLimit: TIME_LIMIT }));
    run.memory = lastMemory(await run.target.trace(), 0);
    return run;
  }

  /** Everything that the chain remembers is forgotten. */
  async restart(): Promise<void> {
    await this.target.restart();
    this.memory = lastMemory(await this.target.trace(), 0);
  }

  /** Bytes of the module's memory after the last request. */
  get memorySize(): number {
    return this.memory;
  }

  async send(request: ExchangeRequest): Promise<HostOutcome> {
    let result: ExchangeResult;
    try {
      result = await this.target.send(request);
    } catch (error) {
      const { code, message } = HostError.from(error);
      this.alive = false;
      const where = code === NOT_SUPPORTED ? NOT_SUPPORTED : (/ in (proxy_\w+)/.exec(message)?.[1] ?? message.replaceAll(/\d+/g, "N"));
      return { wrong: { kind: KINDS[code] ?? "hang", where, message }, callbacks: [] };
    }
    const callbacks = await this.target.trace();
    const before = this.memory;
    this.memory = lastMemory(callbacks, before);
    const trapped = callbacks.find(({ trap }) => trap !== undefined);
    if (trapped !== undefined)
      return {
        result,
        callbacks,
        wrong: { kind: "trap", where: trapped.callback, message: `${trapped.callback} trapped: ${trapped.trap ?? ""}` },
      };
    // The upstream answers at once here, or after a delay of milliseconds: whoever is idle for so long was held back by a filter.
    if (result.details === "stream_idle_timeout")
      return {
        result,
        callbacks,
        wrong: {
          kind: "hang",
          where: lastStop(callbacks),
          message: `the stream was paused in ${lastStop(callbacks)} and nothing let it go on: stream_idle_timeout`,
        },
      };
    if (this.memory - before > HOG)
      return {
        result,
        callbacks,
        wrong: { kind: "memory", where: "hog", message: `one request made the memory grow by ${this.memory - before} bytes` },
      };
    return { result, callbacks };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.target[Symbol.asyncDispose]();
  }
}

function lastMemory(callbacks: readonly TracedCallback[], before: number): number {
  return callbacks.at(-1)?.memory ?? before;
}

/** The callback that stopped last: those of headers, bodies and trailers return 0 to go on. */
function lastStop(callbacks: readonly TracedCallback[]): string {
  return (
    callbacks.findLast(({ callback, returned }) => /_(?:request|response)_/.test(callback) && returned !== 0)?.callback ?? "a callback"
  );
}

/** The same for requests that the module treats alike: callbacks, what they returned, and hostcalls with their statuses. */
export function pathOf(callbacks: readonly TracedCallback[]): string {
  return callbacks
    .map(
      ({ callback, returned, hostcalls }) =>
        `${callback}${returned}(${hostcalls.map(({ hostcall, status }) => `${hostcall}${status}`).join()})`,
    )
    .join();
}

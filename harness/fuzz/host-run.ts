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

/** Callbacks that hold a message where they do not return 0. */
const HOLDS = /_(?:request|response)_/;
const SETS_TICKS = /^proxy_set_tick_period_milliseconds$/;
const ASKS = /^proxy_(?:http_call|dispatch_http_call|grpc_call|grpc_stream)$/;

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
  /** Whether Envoy may do otherwise, because the client gave up while something was under way that comes there when it comes. */
  readonly isRace: boolean;
  readonly callbacks: readonly TracedCallback[];
}

/** One run of a chain in the host, from a fresh start. */
export class HostRun implements AsyncDisposable {
  private readonly target: TracedTarget;
  private memory = 0;
  private ticks = false;
  /** False after what ends the thread, or leaves it in a state of which nothing is known. */
  alive = true;

  private constructor(target: TracedTarget) {
    this.target = target;
  }

  static async start(chain: ChainSpec): Promise<HostRun> {
    const run = new HostRun(await startTraced(chain, { timeLimit: TIME_LIMIT }));
    await run.begin();
    return run;
  }

  private async begin(): Promise<void> {
    const callbacks = await this.target.trace();
    this.memory = lastMemory(callbacks, 0);
    this.ticks = makes(callbacks, SETS_TICKS);
  }

  /** Everything that the chain remembers is forgotten. */
  async restart(): Promise<void> {
    await this.target.restart();
    await this.begin();
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
      return { wrong: { kind: KINDS[code] ?? "hang", where, message }, isRace: false, callbacks: [] };
    }
    const callbacks = await this.target.trace();
    this.ticks ||= makes(callbacks, SETS_TICKS);
    const isHeld = callbacks.some(({ callback, returned }) => HOLDS.test(callback) && returned !== 0);
    const isRace = request.reset !== undefined && (makes(callbacks, ASKS) || (this.ticks && isHeld));
    const before = this.memory;
    this.memory = lastMemory(callbacks, before);
    const trapped = callbacks.find(({ trap }) => trap !== undefined);
    if (trapped !== undefined)
      return {
        result,
        isRace,
        callbacks,
        wrong: { kind: "trap", where: trapped.callback, message: `${trapped.callback} trapped: ${trapped.trap ?? ""}` },
      };
    // The upstream answers at once here, or after a delay of milliseconds: whoever is idle for so long was held back by a filter.
    if (result.details === "stream_idle_timeout")
      return {
        result,
        isRace,
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
        isRace,
        callbacks,
        wrong: { kind: "memory", where: "hog", message: `one request made the memory grow by ${this.memory - before} bytes` },
      };
    return { result, isRace, callbacks };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.target[Symbol.asyncDispose]();
  }
}

function makes(callbacks: readonly TracedCallback[], calls: RegExp): boolean {
  return callbacks.some(({ hostcalls }) =>
    hostcalls.some(({ hostcall, callbacks: inner = [] }) => calls.test(hostcall) || makes(inner, calls)),
  );
}

function lastMemory(callbacks: readonly TracedCallback[], before: number): number {
  return callbacks.at(-1)?.memory ?? before;
}

/** The callback that stopped last: those of headers, bodies and trailers return 0 to go on. */
function lastStop(callbacks: readonly TracedCallback[]): string {
  return callbacks.findLast(({ callback, returned }) => HOLDS.test(callback) && returned !== 0)?.callback ?? "a callback";
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

import { until } from "../until.ts";
import { type Channel, isIdempotent, LoadAnswer, type LoadRequest, type Outcome } from "./exchange.ts";
import { Http1Channel } from "./http1.ts";
import { Http2Connection } from "./http2.ts";
import { checkOptions, type LoadOptions, requestsOf } from "./options.ts";
import { placeOf } from "./place.ts";
import { describe } from "./describe.ts";
import { type Counted, type LoadCounts, type LoadFailure, Tally } from "./tally.ts";

/** Requests that were sent in some time, and what became of them. */
export class LoadWindow {
  private readonly tally: Tally;

  constructor(tally: Tally) {
    this.tally = tally;
  }

  get counts(): LoadCounts {
    return this.tally.counts;
  }

  /** The first that were lost or answered wrongly, with what is known of them. */
  get failures(): readonly LoadFailure[] {
    return this.tally.failures;
  }

  /** Milliseconds from when a request was due until its answer was whole, which so great a share (0 to 1) of answers did not exceed, to 2 %; `NaN` without any. */
  latency(share: number): number {
    return this.tally.latency(share);
  }

  /**
   * Waits until the counts are so.
   *
   * @param timeout milliseconds. Default: 20,000
   */
  async until(condition: (counts: LoadCounts) => boolean, timeout = 20_000): Promise<LoadCounts> {
    return until("the load's counts are as wanted", () => this.counts, condition, { timeout });
  }

  /** In a few lines, with the first failures. */
  toString(): string {
    return describe(this.counts, this.failures);
  }
}

interface Slot {
  readonly channel: Channel;
  readonly connection: number;
}

/**
 * Sends requests until it is stopped, and counts what becomes of each.
 *
 * ```ts
 * await using load = startLoad({ url: "http://127.0.0.1:8080/", rate: 200 });
 * const restart = await load.during(async (window) => {
 *   await server.restart();
 *   await window.until(({ answered }) => answered >= 100);
 * });
 * expect(restart).toLoseNothing();
 * ```
 *
 * With a `rate` requests are sent when they are due, whether others are answered or not (an open loop); without, each connection sends its next one when it has the answer.
 * Nothing is ever sent twice unless `retryReused` says so.
 *
 * @throws RangeError for options that are none
 */
export function startLoad(options: LoadOptions): Load {
  checkOptions(options);
  return new Load(options);
}

export class Load extends LoadWindow implements AsyncDisposable {
  private readonly options: LoadOptions;
  private readonly total: Tally;
  private readonly request: (index: number) => LoadRequest;
  private readonly idle: Slot[] = [];
  private readonly closing: Array<() => void> = [];
  /** Where a request that is sent now counts; never changed, but replaced. */
  private tallies: readonly Tally[];
  private next = 0;
  private stopped: Promise<LoadCounts> | undefined;
  private readonly begun = performance.now();
  /** When it was stopped: nothing is due from then on. */
  private ended: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Called when nothing is on its way any more. */
  private quiet: (() => void) | undefined;

  /** Use {@link startLoad}. */
  constructor(options: LoadOptions) {
    const total = new Tally();
    super(total);
    this.options = options;
    this.total = total;
    this.tallies = [total];
    const url = new URL(options.url);
    this.request = requestsOf(url, options);
    const { protocol = "http/1.1", rate, streams = 1, via } = options;
    const place = placeOf(url, via);
    for (let connection = 0; connection < (options.connections ?? (rate === undefined ? 4 : 32)); connection++) {
      const shared = protocol === "h2" ? new Http2Connection(place) : undefined;
      for (let stream = 0; stream < (shared === undefined ? 1 : streams); stream++) {
        const channel = shared?.channel() ?? new Http1Channel(place);
        this.idle.push({ channel, connection });
        this.closing.push(() => channel.close());
      }
    }
    if (rate === undefined) for (const slot of this.idle.splice(0)) this.send(slot, performance.now());
    else this.pump(rate);
  }

  /**
   * Counts the requests that are sent while this is done, and waits until something has become of each of them. What it throws is thrown; after `stop` it is not done, and an
   * error says why.
   */
  async during(doing: (window: LoadWindow) => Promise<unknown>): Promise<LoadWindow> {
    if (this.stopped !== undefined)
      throw new Error("the load was stopped, and sends nothing that a window could count: open the window before stop()");
    const tally = new Tally();
    const window = new LoadWindow(tally);
    this.tallies = [...this.tallies, tally];
    try {
      await doing(window);
    } finally {
      tally.missed(this.overdue());
      this.tallies = this.tallies.filter((each) => each !== tally);
    }
    // Each has a timeout of its own.
    await until(
      "the window's requests are answered or lost",
      () => tally.open,
      (open) => open === 0,
      { timeout: Infinity },
    );
    return window;
  }

  /** Sends nothing more, waits until something has become of what is on its way, and closes the connections. */
  stop(): Promise<LoadCounts> {
    this.stopped ??= this.end();
    return this.stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  private async end(): Promise<LoadCounts> {
    clearTimeout(this.timer);
    this.ended = performance.now();
    this.total.missed(this.overdue());
    if (this.total.open > 0) await new Promise<void>((resolve) => (this.quiet = resolve));
    for (const close of this.closing) close();
    return this.counts;
  }

  /** Requests of an open loop that are due and not sent. */
  private overdue(): number {
    const { rate } = this.options;
    if (rate === undefined) return 0;
    return Math.max(0, Math.floor((((this.ended ?? performance.now()) - this.begun) * rate) / 1_000) + 1 - this.next);
  }

  /** Sends what is due, as far as connections are free, in turn. */
  private pump(rate: number): void {
    clearTimeout(this.timer);
    if (this.stopped !== undefined) return;
    const interval = 1_000 / rate;
    for (;;) {
      const due = this.begun + this.next * interval;
      const wait = due - performance.now();
      if (wait > 0) {
        this.timer = setTimeout(() => this.pump(rate), wait);
        return;
      }
      const slot = this.idle.shift();
      if (slot === undefined) return;
      this.send(slot, due);
    }
  }

  private send(slot: Slot, due: number): void {
    const { retryReused = false, timeout = 10_000 } = this.options;
    const { channel, connection } = slot;
    const { tallies } = this;
    const request = this.request(this.next++);
    const counted: Counted = { request, connection, sentAt: performance.now(), due };
    for (const tally of tallies) tally.send(counted);
    const timer = setTimeout(() => {
      channel.abandon();
      this.finish(slot, tallies, counted, { reason: `no answer within ${timeout} ms`, retriable: false });
    }, timeout);
    let mayRetry = retryReused && isIdempotent(request.method);
    const done = (outcome: Outcome) => {
      if (mayRetry && !(outcome instanceof LoadAnswer) && outcome.retriable) {
        mayRetry = false;
        for (const tally of tallies) tally.retry();
        channel.exchange(request, done);
        return;
      }
      clearTimeout(timer);
      this.finish(slot, tallies, counted, outcome);
    };
    channel.exchange(request, done);
  }

  private finish(slot: Slot, tallies: readonly Tally[], counted: Counted, outcome: Outcome): void {
    const wrong = outcome instanceof LoadAnswer ? this.judge(outcome, counted.request) : undefined;
    for (const tally of tallies) tally.end(counted, outcome, wrong);
    const { rate } = this.options;
    if (this.stopped !== undefined) {
      if (this.total.open === 0) this.quiet?.();
    } else if (rate === undefined) {
      this.send(slot, performance.now());
    } else {
      this.idle.push(slot);
      // Only a request that waits for a connection goes at once.
      if (this.idle.length === 1) this.pump(rate);
    }
  }

  private judge(answer: LoadAnswer, request: LoadRequest): string | undefined {
    try {
      const verdict =
        this.options.check?.(answer, request) ?? (this.options.check !== undefined || (answer.status >= 200 && answer.status < 400));
      if (verdict === true) return undefined;
      return verdict === false ? `not as wanted: status ${answer.status}` : verdict;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}

/** A timer that has not fired yet. */
export interface Timer {
  cancel(): void;
}

/** Where the host takes its time from. Filters read both clocks; ticks, callout timeouts and route timeouts are timers of it. */
export interface Clock {
  /** Wall clock, nanoseconds since 1970. */
  now(): bigint;
  /** Nanoseconds that only grow; steps of the wall clock do not move it. */
  monotonic(): bigint;
  /** Runs `task` once after `milliseconds`. */
  schedule(milliseconds: number, task: () => void): Timer;
}

interface ScheduledTask {
  readonly due: bigint;
  readonly order: number;
  readonly task: () => void;
}

const NANOSECONDS = 1_000_000n;

/**
 * A clock that stands still until the test advances it, so that a delay of an hour takes no time and every run is the same.
 *
 * ```ts
 * const clock = new ManualClock({ now: "2026-01-01T00:00:00Z" });
 * clock.advance(250); // every tick and timeout of these 250 ms happens now, in order
 * ```
 */
export class ManualClock implements Clock {
  private wall: bigint;
  /** Not zero: no machine that runs Envoy says so, and Go's runtime ends itself over it ("nanotime returning zero"). */
  private elapsed = 1_000n * NANOSECONDS;
  private order = 0;
  private tasks: ScheduledTask[] = [];

  /** @param options.now The wall clock at the start. Default: 2026-01-01T00:00:00Z. */
  constructor(options: { readonly now?: string | Date } = {}) {
    this.wall = BigInt(new Date(options.now ?? "2026-01-01T00:00:00Z").getTime()) * NANOSECONDS;
  }

  now(): bigint {
    return this.wall;
  }

  monotonic(): bigint {
    return this.elapsed;
  }

  /** Steps the wall clock only, as an operator or NTP would: no timer fires. */
  setNow(now: string | Date): void {
    this.wall = BigInt(new Date(now).getTime()) * NANOSECONDS;
  }

  schedule(milliseconds: number, task: () => void): Timer {
    const scheduled: ScheduledTask = { due: this.elapsed + toNanoseconds(milliseconds), order: this.order++, task };
    this.tasks.push(scheduled);
    return { cancel: () => void (this.tasks = this.tasks.filter((other) => other !== scheduled)) };
  }

  /** Moves time on by `milliseconds` and runs what falls due meanwhile, earliest first. */
  advance(milliseconds: number): void {
    const end = this.elapsed + toNanoseconds(milliseconds);
    for (;;) {
      const next = this.next();
      if (next === undefined || next.due > end) break;
      this.moveTo(next.due);
      this.tasks = this.tasks.filter((task) => task !== next);
      next.task();
    }
    this.moveTo(end);
  }

  /** Milliseconds until the next timer; `undefined` where none waits. */
  untilNext(): number | undefined {
    const next = this.next();
    return next === undefined ? undefined : Number(next.due - this.elapsed) / Number(NANOSECONDS);
  }

  private next(): ScheduledTask | undefined {
    let first: ScheduledTask | undefined;
    for (const task of this.tasks) {
      if (first === undefined || task.due < first.due || (task.due === first.due && task.order < first.order)) first = task;
    }
    return first;
  }

  private moveTo(elapsed: bigint): void {
    this.wall += elapsed - this.elapsed;
    this.elapsed = elapsed;
  }
}

/** The machine's clock, for the command line. Its timers do not keep the process alive. */
export class RealClock implements Clock {
  now(): bigint {
    return BigInt(Date.now()) * NANOSECONDS;
  }

  monotonic(): bigint {
    return process.hrtime.bigint();
  }

  schedule(milliseconds: number, task: () => void): Timer {
    const timer = setTimeout(task, milliseconds);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  }
}

function toNanoseconds(milliseconds: number): bigint {
  return BigInt(Math.round(milliseconds * 1_000_000));
}

import type { Clock } from "../index.ts";

/** A clock that the test moves. */
export class TestClock implements Clock {
  private time = 1_000;
  private date = 1_000_000;
  private readonly timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  private queue: (() => void)[] = [];

  now(): number {
    return this.time;
  }

  dateOf(moment: number): number {
    return moment - this.time + this.date;
  }

  /** Somebody sets the machine's date. */
  set(date: number): void {
    this.date = date;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.time + milliseconds, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  soon(callback: () => void): void {
    this.queue.push(callback);
  }

  /** Runs what was put off, and what that puts off, until nothing is left. */
  run(): void {
    while (this.queue.length > 0) {
      const queue = this.queue;
      this.queue = [];
      for (const callback of queue) callback();
    }
  }

  advance(milliseconds: number): void {
    this.run();
    const end = this.time + milliseconds;
    for (;;) {
      const due = [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers.delete(due);
      this.pass(due.at - this.time);
      due.callback();
      this.run();
    }
    this.pass(end - this.time);
  }

  private pass(milliseconds: number): void {
    this.time += milliseconds;
    this.date += milliseconds;
  }
}

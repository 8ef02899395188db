import type { Clock } from "./clock.ts";

/** What has something to send. */
export interface Sender {
  /** Sends as much as it may; called again after {@link Pump.ready}. */
  flush(): void;
}

/** Milliseconds of work after which the event loop gets its turn, so that answers are read while a push to many goes on. */
const SLICE = 10;

/**
 * Streams that have something to send, in the order in which they became ready: who came first is served first, nobody is refused, and a stream is in
 * the queue once, so that what changes while it waits is merged. All streams share a budget of bytes in flight: a thousand first configurations at
 * once are built as fast as they are taken.
 */
export class Pump {
  private readonly clock: Clock;
  private readonly budget: number;
  private readonly queue = new Set<Sender>();
  private scheduled = false;
  private inFlight = 0;

  constructor(clock: Clock, budget: number) {
    this.clock = clock;
    this.budget = budget;
  }

  get waiting(): number {
    return this.queue.size;
  }

  ready(sender: Sender): void {
    this.queue.add(sender);
    this.schedule();
  }

  forget(sender: Sender): void {
    this.queue.delete(sender);
  }

  /** Counts bytes given to the transport. */
  began(bytes: number): void {
    this.inFlight += bytes;
  }

  /** They are sent, or their stream is so slow that others do not wait for it any more. */
  ended(bytes: number): void {
    this.inFlight -= bytes;
    if (this.queue.size > 0) this.schedule();
  }

  private schedule(): void {
    if (this.scheduled || this.inFlight >= this.budget) return;
    this.scheduled = true;
    this.clock.soon(() => this.run());
  }

  private run(): void {
    this.scheduled = false;
    const end = this.clock.now() + SLICE;
    for (const sender of this.queue) {
      this.queue.delete(sender);
      sender.flush();
      if (this.inFlight >= this.budget) return;
      if (this.clock.now() >= end) break;
    }
    if (this.queue.size > 0) this.schedule();
  }
}

import { availableParallelism } from "node:os";

/** Milliseconds for which an answer is awaited awake: several times what Envoy takes for a request that nothing holds. */
const LIMIT = 2;
/** Requests after which it is judged whether others want the core. */
const JUDGED = 32;
/** How often this process is taken off its core in as many, where they do: it is about twice for each then, else once in five. */
const CROWDED = 1.5 * JUDGED;
/** Milliseconds for which it is left to them, at first; twice as long each time that they want it again. */
const SHORTEST_REST = 50;
const LONGEST_REST = 800;

/** With one core, Envoy could not work while this process polls. */
const HAS_CORE = availableParallelism() > 1;

/**
 * Keeps the event loop polling instead of asleep while an answer is about to come. Waking up takes a process about as long as its part in a request, and
 * requests that go one after the other wait for it at every step. Where other processes want the core too, it sleeps.
 */
export class BusyPoll {
  private readonly isWorthwhile: () => boolean;
  private readonly preemptions: () => number;
  private until = 0;
  private isPolling = false;
  private requests = 0;
  private preempted = 0;
  private rest = SHORTEST_REST;
  private restUntil = 0;

  /**
   * @param isWorthwhile whether another request waits for this one to be over: of a single one nobody sees the difference
   * @param preemptions how often this process has been taken off a core so far
   */
  constructor(isWorthwhile: () => boolean, preemptions = () => process.resourceUsage().involuntaryContextSwitches) {
    this.isWorthwhile = isWorthwhile;
    this.preemptions = preemptions;
  }

  /** A request has been sent: its answer is expected. */
  expect(): void {
    const now = performance.now();
    if (!HAS_CORE || now < this.restUntil) return;
    this.until = now + LIMIT;
    if (!this.isPolling) {
      this.isPolling = true;
      setImmediate(() => this.poll());
    }
    if (this.requests++ === 0) this.preempted = this.preemptions();
    else if (this.requests > JUDGED) {
      this.requests = 0;
      const isCrowded = this.preemptions() - this.preempted > CROWDED;
      if (isCrowded) this.restUntil = now + this.rest;
      this.rest = isCrowded ? Math.min(2 * this.rest, LONGEST_REST) : SHORTEST_REST;
    }
  }

  private poll(): void {
    this.isPolling = performance.now() < this.until && this.isWorthwhile();
    if (this.isPolling) setImmediate(() => this.poll());
  }
}

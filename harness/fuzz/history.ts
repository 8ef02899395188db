import type { ExchangeRequest } from "../target/index.ts";

/** Requests that are kept at least: what an outcome depends on is seldom longer ago, and a scenario of more is no use to anybody. */
const KEPT = 5_000;

/** What was sent since a start, as far back as {@link KEPT} requests: a run may go on for days. */
export class History {
  private requests: ExchangeRequest[] = [];
  /** How many there were. */
  length = 0;

  add(request: ExchangeRequest): void {
    this.length++;
    this.requests.push(request);
    // In pieces: to move all of them for each would take longer than most requests.
    if (this.requests.length >= 2 * KEPT) this.requests = this.requests.slice(-KEPT);
  }

  /** Those that are kept, the last of them left out where `without` says so, and no more than `most`. */
  last(most = KEPT, without = 0): readonly ExchangeRequest[] {
    const end = this.requests.length - without;
    return this.requests.slice(Math.max(0, end - most), end);
  }
}

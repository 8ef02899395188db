/** Milliseconds before the first restart, and before any at most. */
const BASE = 500;
const MAXIMUM = 30_000;
/** Who served for as long has not crashed because it was started. */
const STABLE = 60_000;

/** How long to wait before what has crashed is started again: each time twice as long, from half of that at random. */
export class BackOff {
  private crashes = 0;
  private readonly random: () => number;

  constructor(random: () => number = Math.random) {
    this.random = random;
  }

  /** @param served milliseconds for which it has run */
  next(served: number): number {
    if (served >= STABLE) this.crashes = 0;
    const limit = Math.min(MAXIMUM, BASE * 2 ** this.crashes);
    this.crashes++;
    return Math.round(limit * (0.5 + this.random() / 2));
  }
}

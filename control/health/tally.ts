/** What a caller saw of a host. */
export interface Outcomes {
  readonly good: number;
  readonly failed: number;
  /** How often its own filter took the host out. */
  readonly ejections: number;
}

export const NOTHING: Outcomes = { good: 0, failed: 0, ejections: 0 };

export function sum(a: Outcomes, b: Outcomes): Outcomes {
  return { good: a.good + b.good, failed: a.failed + b.failed, ejections: a.ejections + b.ejections };
}

/** Outcomes of a sliding window in constant space: two halves, the older of which goes as a whole. What is told is of half the window at least, and of all of it at the most. */
export class Tally {
  private readonly half: number;
  private number = -1;
  private current = NOTHING;
  private previous = NOTHING;

  /** @param window milliseconds */
  constructor(window: number) {
    this.half = window / 2;
  }

  add(outcomes: Outcomes, now: number): void {
    this.turn(now);
    this.current = sum(this.current, outcomes);
  }

  total(now: number): Outcomes {
    this.turn(now);
    return sum(this.current, this.previous);
  }

  private turn(now: number): void {
    const number = Math.floor(now / this.half);
    if (number === this.number) return;
    this.previous = number === this.number + 1 ? this.current : NOTHING;
    this.current = NOTHING;
    this.number = number;
  }
}

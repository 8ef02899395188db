/** Steps of 2 % from 10 µs on: 1,024 of them reach beyond an hour. */
const STEP = Math.log(1.02);
const LEAST = 0.01;
const STEPS = 1_024;

/** A histogram of milliseconds, of constant size. */
export class Latencies {
  private readonly steps = new Uint32Array(STEPS);
  private total = 0;

  add(milliseconds: number): void {
    const step = Math.min(STEPS - 1, milliseconds <= LEAST ? 0 : Math.ceil(Math.log(milliseconds / LEAST) / STEP));
    this.steps[step] = (this.steps[step] ?? 0) + 1;
    this.total++;
  }

  /** The least upper bound of so great a share; `NaN` of none. */
  quantile(share: number): number {
    if (this.total === 0) return NaN;
    let left = Math.max(1, Math.ceil(share * this.total));
    for (const [step, count] of this.steps.entries()) {
      left -= count;
      if (left <= 0) return LEAST * Math.exp(step * STEP);
    }
    return Infinity;
  }
}

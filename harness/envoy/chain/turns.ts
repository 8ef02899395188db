/**
 * Lets requests begin one after the other, in the order of the calls: a request begins when the one before is over, or has been held for
 * {@link patience}. So a run is repeatable, and what waits for seconds does not stop the rest.
 */
export class Turns {
  private readonly patience: number;
  private before: Promise<void> = Promise.resolve();

  /** @param patience milliseconds; `Infinity` never overlaps two requests */
  constructor(patience: number) {
    this.patience = patience;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.before;
    const { promise: passed, resolve: pass } = Promise.withResolvers<void>();
    this.before = passed;
    await turn;
    const timer = Number.isFinite(this.patience) ? setTimeout(pass, this.patience) : undefined;
    try {
      return await task();
    } finally {
      clearTimeout(timer);
      pass();
    }
  }
}

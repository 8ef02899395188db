/**
 * Lets requests begin one after the other, in the order of the calls: a request begins when the one before is over, or has been held for
 * {@link patience}. So a run is repeatable, and what waits for seconds does not stop the rest.
 */
export class Turns {
  private readonly patience: number;
  private before: Promise<void> = Promise.resolve();
  /** Lets the next one begin beside the one that began last. */
  private pass: () => void = () => undefined;
  /** One for all: to make and take back a timer for each request costs more than the rest of its turn. */
  private timer: NodeJS.Timeout | undefined;

  /** @param patience milliseconds; `Infinity` never overlaps two requests */
  constructor(patience: number) {
    this.patience = patience;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.before;
    const { promise: passed, resolve: pass } = Promise.withResolvers<void>();
    this.before = passed;
    await turn;
    this.pass = pass;
    if (Number.isFinite(this.patience)) this.timer = this.timer?.refresh() ?? setTimeout(() => this.pass(), this.patience).unref();
    try {
      return await task();
    } finally {
      pass();
    }
  }
}

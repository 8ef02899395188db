/** The turn of one task. */
export interface Turn<Lane = never> {
  /** What the task before has offered; it is not over then. */
  readonly lane: Lane | undefined;
}

interface Begun<Lane> extends Turn<Lane> {
  /** That of the task before, as long as this one has to wait for its end. */
  behind: Begun<Lane> | undefined;
}

interface Waiting<Lane> {
  readonly begin: (turn: Begun<Lane>) => void;
  readonly follows: (lane: Lane) => boolean;
}

/**
 * Lets requests begin one after the other, in the order of the calls: a request begins when the one before is over, or has been held for
 * {@link patience}. So a run is repeatable, and what waits for seconds does not stop the rest. Where something else keeps them in order, the next one
 * may begin earlier, behind the one before (`offer`).
 */
export class Turns<Lane = never> {
  private readonly patience: number;
  private readonly waiting: Array<Waiting<Lane>> = [];
  /** The one that began last, as long as it does not let the next one begin. */
  private last: Begun<Lane> | undefined;
  /** One for all: to make and take back a timer for each request costs more than the rest of its turn. */
  private timer: NodeJS.Timeout | undefined;

  /** @param patience milliseconds; `Infinity` never overlaps two requests */
  constructor(patience: number) {
    this.patience = patience;
  }

  /** Whether a task waits for one before it. */
  get isAwaited(): boolean {
    return this.waiting.length > 0;
  }

  /** @param follows whether the task takes the lane that the one before offers, on which that one has to end first */
  async run<T>(task: (turn: Turn<Lane>) => Promise<T>, follows: (lane: Lane) => boolean = () => false): Promise<T> {
    const { promise, resolve: begin } = Promise.withResolvers<Begun<Lane>>();
    this.waiting.push({ begin, follows });
    if (this.last === undefined) this.next();
    const turn = await promise;
    try {
      return await task(turn);
    } finally {
      this.end(turn);
    }
  }

  /** Lets the next task begin before this one is over, where it takes the lane. Returns whether it does. */
  offer(turn: Turn<Lane>, lane: Lane): boolean {
    if (turn !== this.last || this.waiting[0]?.follows(lane) !== true) return false;
    this.next(this.last, lane);
    return true;
  }

  private next(behind?: Begun<Lane>, lane?: Lane): void {
    const next = this.waiting.shift();
    this.last = next && { behind, lane };
    if (next === undefined || this.last === undefined) return;
    if (Number.isFinite(this.patience)) this.timer = this.timer?.refresh() ?? setTimeout(() => this.pass(), this.patience).unref();
    next.begin(this.last);
  }

  private pass(): void {
    // Behind another it is not held itself.
    if (this.last?.behind === undefined) this.next();
  }

  private end(turn: Begun<Lane>): void {
    if (turn === this.last) this.next();
    else if (this.last?.behind === turn) {
      this.last.behind = undefined;
      this.timer?.refresh();
    }
  }
}

/** How much longer than a run the pause after it is: runs take a fiftieth of the time at most. */
const PAUSE = 49;
/** Milliseconds. */
const LONGEST_PAUSE = 100;

/**
 * Does something once for all who ask for it within one turn of the event loop; and where they ask turn after turn, as when a thousand proxies connect, once for all who ask while it pauses. Who asks when
 * nobody else does waits for nothing.
 */
export class Spaced implements Disposable {
  private readonly run: () => void;
  private cancel: (() => void) | undefined;
  private pauseEnds = -Infinity;

  constructor(run: () => void) {
    this.run = run;
  }

  ask(): void {
    if (this.cancel !== undefined) return;
    const pause = this.pauseEnds - performance.now();
    if (pause > 0) {
      const timer = setTimeout(() => this.start(), pause);
      this.cancel = () => clearTimeout(timer);
    } else {
      const immediate = setImmediate(() => this.start());
      this.cancel = () => clearImmediate(immediate);
    }
  }

  /** What was asked for and not begun is not done any more. */
  [Symbol.dispose](): void {
    this.cancel?.();
  }

  private start(): void {
    this.cancel = undefined;
    const begin = performance.now();
    this.run();
    const end = performance.now();
    this.pauseEnds = end + Math.min(PAUSE * (end - begin), LONGEST_PAUSE);
  }
}

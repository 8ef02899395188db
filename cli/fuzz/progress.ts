import type { FuzzProgress } from "../../harness/fuzz/index.ts";

/** Milliseconds between two redraws. */
const REDRAW = 100;

/** One line on standard error that is drawn anew while the fuzzer works; nothing where that is no terminal. */
export class ProgressLine implements Disposable {
  private readonly started: number;
  private readonly now: () => number;
  private last = 0;

  constructor(now: () => number) {
    this.now = now;
    this.started = now();
  }

  show(progress: FuzzProgress): void {
    if (process.stderr.isTTY !== true || this.now() - this.last < REDRAW) return;
    this.last = this.now();
    process.stderr.write(`\r\x1b[K${progressText(progress, this.now() - this.started)}`);
  }

  [Symbol.dispose](): void {
    if (this.last > 0) process.stderr.write("\r\x1b[K");
  }
}

/** @param elapsed milliseconds */
export function progressText({ requests, paths, passedOver, shrinking }: FuzzProgress, elapsed: number): string {
  const parts = [
    `${requests} requests in ${(elapsed / 1000).toFixed(0)} s`,
    `${paths} ways through the module`,
    ...(passedOver > 0 ? [`${passedOver} differences passed over`] : []),
    ...(shrinking === undefined ? [] : [`making it small: ${shrinking}`]),
  ];
  return parts.join(", ");
}

/** Time comes in from outside, so that tests own it. */
export interface Clock {
  /** Milliseconds of a clock that nobody sets: spans of time by it are true, whatever becomes of the machine's date meanwhile. */
  now(): number;
  /** The date of a moment by {@link now}, whole milliseconds since 1970, as the machine's date is today. */
  dateOf(moment: number): number;
  /** Runs `callback` once after that many milliseconds; the result cancels it. It keeps no process alive. */
  after(milliseconds: number, callback: () => void): () => void;
  /** Runs `callback` when what came in at the same time has been taken in: after the current turn of the event loop. */
  soon(callback: () => void): void;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  dateOf: (moment) => Math.round(Date.now() - (performance.now() - moment)),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
  soon: (callback) => void setImmediate(callback),
};

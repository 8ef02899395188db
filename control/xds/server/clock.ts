/** Time comes in from outside, so that tests own it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs `callback` once after that many milliseconds; the result cancels it. It keeps no process alive. */
  after(milliseconds: number, callback: () => void): () => void;
  /** Runs `callback` when what came in at the same time has been taken in: after the current turn of the event loop. */
  soon(callback: () => void): void;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
  soon: (callback) => void setImmediate(callback),
};

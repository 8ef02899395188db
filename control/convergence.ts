/** Changes that some proxy has not answered yet. */
const MOST_OUTSTANDING = 1000;

interface Outstanding {
  readonly changedAt: number;
  readonly proxies: Set<string>;
  readonly over: () => void;
}

/** Tells when the last of the proxies that a change concerns has answered. */
export class Convergence {
  private readonly outstanding: Outstanding[] = [];
  private readonly done: (milliseconds: number) => void;

  /** @param done gets the time from a change to the last answer */
  constructor(done: (milliseconds: number) => void) {
    this.done = done;
  }

  /**
   * A change that happened at `changedAt` (by the clock of the xDS server) concerns `proxies`.
   *
   * @param over called when all of them have answered, or are not waited for any more
   */
  changed(changedAt: number, proxies: Iterable<string>, over: () => void = () => undefined): void {
    const change = { changedAt, proxies: new Set(proxies), over };
    if (change.proxies.size === 0) return over();
    this.outstanding.push(change);
    // Proxies that never answer must not hold what came long before.
    if (this.outstanding.length > MOST_OUTSTANDING) this.outstanding.shift()?.over();
  }

  /** A proxy has everything and has answered everything, or is gone. */
  answered(proxy: string, now: number): void {
    let done = 0;
    for (const change of this.outstanding) {
      if (!change.proxies.delete(proxy) || change.proxies.size > 0) continue;
      this.done(now - change.changedAt);
      change.over();
      done += 1;
    }
    if (done > 0) this.outstanding.splice(0, this.outstanding.length, ...this.outstanding.filter(({ proxies }) => proxies.size > 0));
  }
}

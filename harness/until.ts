import { inspect } from "node:util";

export interface UntilOptions {
  /** Milliseconds until it is given up. Default: 20,000. */
  readonly timeout?: number;
  /** Milliseconds between looks. Default: 10. */
  readonly interval?: number;
}

/**
 * Looks again and again until what is seen is as wanted, and gives what was seen: conditions are awaited, never slept for.
 *
 * ```ts
 * await until("the host is ejected", () => admin.clusters(), (text) => text.includes("failed_outlier_check"));
 * ```
 *
 * @param what completes "waited in vain until ..."
 * @throws Error after the timeout, with what was seen last; what `look` or `condition` throws, at once
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  condition: (value: T) => boolean,
  { timeout = 20_000, interval = 10 }: UntilOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const value = await look();
    if (condition(value)) return value;
    if (performance.now() > deadline) {
      throw new Error(
        `waited in vain until ${what}, for ${timeout / 1_000} s; at last it was ${inspect(value, { depth: 6, breakLength: 140 })}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
}

import { AssertionError } from "node:assert";
import { type Examined, type Matchers, matchers, type Verdict } from "./index.ts";

/** The matchers, and `not` before any of them. */
export type Expectation = Matchers & { readonly not: Matchers };

/**
 * The matchers for `node:test` and any other runner. In vitest its own `expect` has them (`meshwright/harness/vitest`).
 *
 * ```ts
 * import test from "node:test";
 * import { expect, inProcessTarget } from "meshwright/harness";
 *
 * test("beta users go to v2", async () => {
 *   await using running = await inProcessTarget.start({ filters });
 *   expect(await running.send({ path: "/", headers: [["x-user", "ann-beta"]] })).toForward({ cluster: "v2" });
 *   await expect(running).toHaveMetric("routing.matched", 1);
 * });
 * ```
 *
 * @throws AssertionError of `node:assert`, or rejects with it, where the expectation does not hold
 */
export function expect(examined: Examined): Expectation {
  return { ...bound(examined, true), not: bound(examined, false) };
}

function bound(examined: Examined, wanted: boolean): Matchers {
  const entries = Object.entries(matchers).map(([name, matcher]) => {
    const check = (...parameters: unknown[]): void | Promise<void> => {
      // Each has parameters of its own; callers see them by `Matchers`.
      const verdict = (matcher as (examined: Examined, ...parameters: unknown[]) => Verdict | Promise<Verdict>)(examined, ...parameters);
      if (verdict instanceof Promise) return verdict.then((found) => judge(found, wanted, check));
      judge(verdict, wanted, check);
    };
    return [name, check] as const;
  });
  return Object.fromEntries(entries) as unknown as Matchers;
}

function judge({ pass, message }: Verdict, wanted: boolean, check: (...parameters: unknown[]) => unknown): void {
  if (pass !== wanted) throw new AssertionError({ message: message(), stackStartFn: check });
}

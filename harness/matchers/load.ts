import { describe } from "../load/describe.ts";
import type { LoadCounts, LoadFailure } from "../load/index.ts";
import { of, type Verdict } from "./verdict.ts";

/** A load, or a window of one. */
export interface Losing {
  readonly counts: LoadCounts;
  readonly failures: readonly LoadFailure[];
}

/** Requests were sent, and not one was lost or answered wrongly. */
export function toLoseNothing(load: Losing): Verdict {
  return toLoseAtMost(load, 0);
}

/** At most so many of its requests were lost or answered wrongly; a load that sent nothing shows nothing. */
export function toLoseAtMost(load: Losing, requests: number): Verdict {
  const expectation = requests === 0 ? "lose nothing" : `lose at most ${requests} requests`;
  const { counts, failures } = load;
  const { sent, lost, wrong, open } = counts;
  // What is on its way may yet be lost.
  return of(sent > 0 && lost + wrong + open <= requests, "the load", `to ${expectation}`, () => `; ${describe(counts, failures)}`);
}

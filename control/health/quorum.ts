import type { Outcomes } from "./tally.ts";

/** What one caller has seen of a host within the window, by its ejection filter and by Envoy's own counts (LRS). */
export interface Sight {
  readonly caller: string;
  readonly filter: Outcomes;
  readonly loads: Outcomes;
}

/** What callers say of a host, and who they are. */
export interface Evidence {
  readonly bad: readonly Sight[];
  readonly good: readonly Sight[];
  /** Callers that had too few requests. */
  readonly silent: number;
}

/**
 * A caller finds a host bad whose requests failed for a half or more, or that its own filter took out. Both sources are about the same requests, so they are not added; a filter also knows failures
 * that are none for Envoy. Who had fewer than `requests` says nothing.
 */
export function verdictOf({ filter, loads }: Sight, requests: number): "good" | "bad" | undefined {
  const failsBy = (seen: Outcomes) => seen.good + seen.failed >= requests && seen.failed * 2 >= seen.good + seen.failed;
  if (filter.ejections > 0 || failsBy(filter) || failsBy(loads)) return "bad";
  return Math.max(filter.good + filter.failed, loads.good + loads.failed) >= requests ? "good" : undefined;
}

export function evidenceOf(sights: Iterable<Sight>, requests: number): Evidence {
  const bad: Sight[] = [];
  const good: Sight[] = [];
  let silent = 0;
  for (const sight of sights) {
    const verdict = verdictOf(sight, requests);
    if (verdict === "bad") bad.push(sight);
    else if (verdict === "good") good.push(sight);
    else silent += 1;
  }
  return { bad, good, silent };
}

/** Whether a host is bad for all: enough callers say so, and they are more than those who say that it is good. */
export function isQuorum({ bad, good }: Evidence, callers: number): boolean {
  return bad.length >= callers && bad.length > good.length;
}

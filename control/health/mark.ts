import type { HealthLimits, HostId } from "../model/index.ts";

/**
 * What became of a host that was found bad. `out`: it gets no requests. `returning`: it gets some, more with each step. `back`: all, and it is only remembered how often it was out. Times are
 * milliseconds since 1970.
 */
export interface Mark extends HostId {
  readonly state: "out" | "returning" | "back";
  readonly since: number;
  /** When the next state begins. */
  readonly until: number;
  /** How often it was out, less the intervals in which it was not. */
  readonly times: number;
  /** Why it is, or was last, out: `3 of 5 callers find it bad`. Those that an older service kept have none. */
  readonly reason?: string;
}

/** Envoy's `max_ejection_time`. */
const LONGEST_EJECTION = 300_000;
/** Shares of a host's requests while it comes back, each for as long. */
const SHARES = [10, 30, 60] as const;

/** A host that is out for the first time, or again: longer each time, as Envoy does it (`base_ejection_time`). */
export function markOut(
  { service, port, address }: HostId,
  before: Mark | undefined,
  { baseEjectionTime }: HealthLimits,
  now: number,
  reason: string,
): Mark {
  const times = (before?.times ?? 0) + 1;
  const time = Math.min(baseEjectionTime * times, Math.max(LONGEST_EJECTION, baseEjectionTime));
  return { service, port, address, state: "out", since: now, until: now + time, times, reason };
}

/** A host that may be called again, a little at first. */
export function comeBack(mark: Mark, { returnTime }: HealthLimits, now: number): Mark {
  return { ...mark, state: "returning", since: now, until: now + returnTime };
}

/** A mark as it is now; undefined where there is nothing left to remember. */
export function aged(mark: Mark, limits: HealthLimits, now: number): Mark | undefined {
  if (now < mark.until) return mark;
  if (mark.state === "out") return comeBack(mark, limits, now);
  const times = mark.state === "back" ? mark.times - 1 : mark.times;
  return times <= 0
    ? undefined
    : { ...mark, state: "back", since: mark.state === "back" ? mark.since : now, until: now + limits.interval, times };
}

/** Per cent of its usual requests. */
export function shareOf({ state, since, until }: Mark, now: number): number {
  if (state !== "returning") return state === "out" ? 0 : 100;
  const passed = until > since ? (now - since) / (until - since) : 1;
  return SHARES[Math.max(0, Math.floor(passed * SHARES.length))] ?? 100;
}

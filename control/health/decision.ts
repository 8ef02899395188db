import type { HostId } from "../model/index.ts";
import type { Evidence, Sight } from "./quorum.ts";

/** What was decided of a host, and why. */
export interface Decision extends HostId {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** `held`: it would be out, but for what `reason` says. */
  readonly decision: "ejected" | "held" | "returning" | "returned" | "released";
  readonly reason: string;
  /** How often it was out, this time included. */
  readonly times: number;
  /** Until when it is out, at the least. */
  readonly until?: number;
  readonly evidence?: ToldEvidence;
}

/** Evidence, as far as people want to read it. */
export interface ToldEvidence {
  /** How many callers find it bad, find it good, and know too little. */
  readonly bad: number;
  readonly good: number;
  readonly silent: number;
  /** The first of those who find it bad, and what they saw within the window. */
  readonly callers: readonly Sight[];
}

/** Callers that are named. */
const NAMED = 10;

export function told({ bad, good, silent }: Evidence): ToldEvidence {
  return { bad: bad.length, good: good.length, silent, callers: bad.slice(0, NAMED) };
}

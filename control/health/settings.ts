/** How mesh-wide health is asked for. */
export interface MeshHealthSettings {
  /** Milliseconds between two reports of a proxy, 100 or more. Default: 10,000. */
  readonly interval?: number;
  /** Callers that must agree that a host is bad, at the least, beside being most of those who know it; 2 or more. Default: 3. */
  readonly callers?: number;
}

export interface CompleteSettings {
  readonly interval: number;
  readonly callers: number;
  /** Milliseconds for which an observation counts: after three reports that did not come, nothing is known. */
  readonly window: number;
}

/** @throws RangeError where one caller could decide for all, or reports would never stop */
export function completeSettings({ interval = 10_000, callers = 3 }: MeshHealthSettings): CompleteSettings {
  if (!Number.isInteger(callers) || callers < 2)
    throw new RangeError("mesh-wide health wants two callers at the least: one alone decides for itself");
  if (!(interval >= 100 && interval <= 3_600_000)) throw new RangeError("reports come every 100ms to 1h");
  return { interval, callers, window: 3 * interval };
}

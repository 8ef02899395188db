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

/** What a DestinationRule's `outlierDetection` says of the hosts of a service, with Istio's defaults. Milliseconds; percentages 0 to 100. */
export interface HealthLimits {
  /** Requests of a caller within the window from which its word counts. */
  readonly requests: number;
  readonly interval: number;
  readonly baseEjectionTime: number;
  readonly maxEjectionPercent: number;
  readonly minHealthPercent: number;
  /** Over which a host comes back (`warmup` of the load balancer). */
  readonly returnTime: number;
}

/** One port of a service, as the mesh knows it now. */
export interface HostGroup {
  readonly hosts: readonly KnownHost[];
  /** Undefined where no DestinationRule asks for outlier detection: then hosts are left alone. */
  readonly limits: HealthLimits | undefined;
}

export interface KnownHost {
  readonly address: string;
  /** Whether the mesh's own objects say that it takes requests. */
  readonly healthy: boolean;
}

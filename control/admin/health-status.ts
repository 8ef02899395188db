import type { ControlService } from "../control-service.ts";
import type { Decision, HostHealth } from "../health/index.ts";

/** What mesh-wide health knows of hosts, and what it decided of them. Times are milliseconds since 1970. */
export interface HealthStatus {
  readonly on: boolean;
  /** Milliseconds between two reports of a proxy. */
  readonly interval?: number;
  /** Callers that must agree, at the least. */
  readonly callers?: number;
  /** Hosts that are or were out, and those that some caller finds bad. */
  readonly hosts: readonly HostHealth[];
  /** The newest first, at most 200. */
  readonly decisions: readonly Decision[];
}

/** Hosts of which mesh-wide health withholds requests: `share` says how many they get. */
export interface OutForAll {
  readonly on: boolean;
  /** Out, or on their way back; those that are so for longest first. */
  readonly out: readonly HostHealth[];
}

export function outForAll({ health }: Pick<ControlService, "health">): OutForAll {
  return { on: health !== undefined, out: health?.health.out() ?? [] };
}

export function healthStatus({ health }: Pick<ControlService, "health">): HealthStatus {
  return health === undefined ? { on: false, hosts: [], decisions: [] } : { on: true, ...health.status() };
}

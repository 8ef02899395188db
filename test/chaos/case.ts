import type { Mesh } from "../../harness/mesh/index.ts";
import type { Rules } from "./chaos-mesh.ts";
import type { Figures, Traffic, TrafficOptions } from "./traffic.ts";

/** One fault under load. */
export interface ChaosCase {
  /** As the table has it: `every host's sidecar restarted, one after the other`. */
  readonly fault: string;
  /** What of the configuration makes that nothing is lost; default: retries of idempotent requests, and ejection. */
  readonly configured?: string;
  /** In force before the load starts. Default: those of a careful operator. */
  readonly rules?: Rules;
  readonly traffic?: TrafficOptions;
  /** Whether the mesh has its own after this. Default: false, and the case leaves the mesh whole. */
  readonly control?: { readonly parameters: readonly string[] };
  /** Requests that may be lost or answered wrongly, and why no configuration can save them. Default: none. */
  readonly bound?: { readonly why: string; readonly most: (figures: Figures) => number };
  /** Why this machine cannot; undefined where it can. Default: it can. */
  readonly unavailable?: () => Promise<string | undefined>;
  /** Does it to the mesh, and undoes it. @param round from 0 on; the seed of what is drawn */
  run(mesh: Mesh, traffic: Traffic, round: number): Promise<void>;
}

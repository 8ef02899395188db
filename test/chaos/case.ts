import type { Mesh } from "../../harness/mesh/index.ts";
import type { Rules } from "./chaos-mesh.ts";
import type { Traffic, TrafficOptions } from "./traffic.ts";

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
  /** Why no configuration can save some requests. Default: all are saved. */
  readonly lossy?: string;
  /** Why this machine cannot; undefined where it can. Default: it can. */
  readonly unavailable?: () => Promise<string | undefined>;
  /**
   * Does it to the mesh, sees that it has happened, and undoes it.
   *
   * @param round from 0 on; the seed of what is drawn
   * @returns how many requests may be lost or answered wrongly for what {@link lossy} says; nothing: none
   */
  run(mesh: Mesh, traffic: Traffic, round: number): Promise<number | undefined>;
}

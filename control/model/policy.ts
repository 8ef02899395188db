import type { Labels } from "./labels.ts";
import type { MeshObject } from "./object.ts";

/** What holds for the workloads that it selects. */
export interface Policy {
  readonly name: string;
  readonly namespace: string;
  /** Empty: every workload of the namespace; in the root namespace every one of the mesh. */
  readonly selector: Labels;
  readonly object: MeshObject;
}

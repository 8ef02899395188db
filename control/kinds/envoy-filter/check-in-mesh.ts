import type { MeshObject, MeshView, Report } from "../../model/index.ts";
import { checkSelected } from "../../model/parts/index.ts";
import type { EnvoyFilterSpec } from "./fields.ts";

/** Whether there is somebody whom it selects. What its patches come to is known where they are applied (`control/xds/patches`). */
export function checkInMesh({ metadata, spec }: MeshObject<EnvoyFilterSpec>, mesh: MeshView, report: Report): void {
  const labels = spec.workloadSelector?.labels ?? {};
  checkSelected({ namespace: metadata.namespace, labels }, mesh, ["spec", "workloadSelector"], report);
}

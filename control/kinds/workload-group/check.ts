import { Code, type MeshObject, type MeshView, type Report, selects } from "../../model/index.ts";
import type { WorkloadGroupSpec } from "./fields.ts";

export function check({ spec }: MeshObject<WorkloadGroupSpec>, report: Report): void {
  const { probe } = spec;
  for (const field of ["periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold"] as const)
    if (probe?.[field] === 0) report("error", Code.Value, ["spec", "probe", field], "must be at least 1");
}

export function checkInMesh({ metadata, spec }: MeshObject<WorkloadGroupSpec>, mesh: MeshView, report: Report): void {
  const labels = { ...spec.template.labels, ...spec.metadata?.labels };
  const services = mesh
    .services()
    .filter(({ namespace, selector }) => namespace === metadata.namespace && selector !== undefined && selects(selector, labels));
  if (services.length === 0)
    report(
      "info",
      Code.Unreachable,
      ["spec"],
      "no Service or ServiceEntry of its namespace selects the entries of this group by its labels",
    );
}

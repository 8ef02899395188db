import { Code, type MeshObject, type MeshView, type Report, selects } from "../../model/index.ts";
import type { WorkloadGroupSpec } from "./fields.ts";

/** Istio's API says that an address has no place here; its `ValidateWorkloadGroup` takes one and forgets it. */
export function check({ spec }: MeshObject<WorkloadGroupSpec>, report: Report): void {
  const { template, probe } = spec;
  if (template.address !== undefined)
    report("error", Code.Value, ["spec", "template", "address"], "every entry has the address of the proxy that registers; leave it out");
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

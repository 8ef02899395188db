import { type MeshObject, type MeshView, type Report, selects } from "../../model/index.ts";
import type { ProxyConfigSpec } from "./fields.ts";

/** Istio's `ValidateProxyConfig`. */
export function check({ spec }: MeshObject<ProxyConfigSpec>, report: Report): void {
  if (spec.selector !== undefined && Object.keys(spec.selector.matchLabels ?? {}).length === 0)
    report("warning", "IST0133", ["spec", "selector"], "a selector without labels selects every workload of the namespace");
}

/** `istioctl analyze`: a selector that selects nobody. */
export function checkInMesh({ metadata, spec }: MeshObject<ProxyConfigSpec>, mesh: MeshView, report: Report): void {
  const labels = spec.selector?.matchLabels ?? {};
  if (Object.keys(labels).length === 0 || mesh.workloads().length === 0) return;
  const everywhere = metadata.namespace === mesh.settings.rootNamespace;
  const selected = mesh
    .workloads()
    .some((workload) => (everywhere || workload.namespace === metadata.namespace) && selects(labels, workload.labels));
  if (!selected) report("warning", "IST0127", ["spec", "selector"], "no workload has these labels");
}

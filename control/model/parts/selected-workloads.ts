import { type Labels, selects } from "../labels.ts";
import type { MeshView } from "../mesh-view.ts";
import type { Report } from "../kind.ts";

/**
 * Says of a policy whose selector selects nobody that it does not hold (Istio's `NoMatchingWorkloadsFound`). A policy of the root namespace selects among all workloads of the mesh.
 *
 * @param path of the selector
 */
export function checkSelected(
  { namespace, labels }: { readonly namespace: string; readonly labels: Labels },
  mesh: MeshView,
  path: readonly string[],
  report: Report,
): void {
  // A mesh without pods is described by its proxies alone, whose labels come with them.
  if (Object.keys(labels).length === 0 || mesh.workloads().length === 0) return;
  const isOfMesh = namespace === mesh.settings.rootNamespace;
  const found = [...mesh.workloads(), ...mesh.peers()].some(
    (each) => (isOfMesh || each.namespace === namespace) && selects(labels, each.labels),
  );
  if (!found) report("warning", "IST0127", path, "no workload has these labels");
}

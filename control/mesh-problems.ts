import type { Mesh } from "./mesh/index.ts";
import { annotationProblems, PROXY_CONFIG_ANNOTATION } from "./kinds/mesh-config/index.ts";
import type { Kind, Problem } from "./model/index.ts";

/** What the objects of a mesh have against each other. */
export function problemsInMesh(mesh: Mesh, kinds: readonly Kind[]): readonly Problem[] {
  const problems: Problem[] = [];
  for (const kind of kinds) {
    if (kind.checkInMesh === undefined) continue;
    for (const object of mesh.objects(kind.kind)) {
      kind.checkInMesh(object, mesh, (level, code, path, message) => problems.push({ ...object.place(path), level, code, path, message }));
    }
  }
  // What stands in an annotation is of another kind than the object.
  for (const { proxyConfig, object } of mesh.workloads()) {
    if (proxyConfig === undefined) continue;
    const path = ["metadata", "annotations", PROXY_CONFIG_ANNOTATION];
    for (const problem of annotationProblems(proxyConfig)) problems.push({ ...object.place(path), path, ...problem });
  }
  return problems;
}

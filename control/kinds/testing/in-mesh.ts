import { compareProblems, formatProblem, type Kind, type Problem } from "../../model/index.ts";
import { meshOfYaml } from "../../xds/types/testing/yaml-view.ts";

/** What a kind finds wrong with its objects in a mesh of this YAML. */
export function problemsInMesh(kind: Kind, yaml: string): readonly string[] {
  const mesh = meshOfYaml(yaml);
  const problems: Problem[] = [];
  for (const object of mesh.objects(kind.kind)) {
    kind.checkInMesh?.(object, mesh, (level, code, path, message) => problems.push({ ...object.place(path), level, code, path, message }));
  }
  return problems.sort(compareProblems).map(formatProblem);
}

import type { Mesh } from "./mesh/index.ts";
import { objectKey, type Problem } from "./model/index.ts";
import { proofsOf, refusalOf } from "./gate/index.ts";
import { Prover } from "./proof/index.ts";
import { XDS_TYPES } from "./xds/types/index.ts";

/** What the modules of filters have against the objects of a mesh, each by itself, without a service. */
export async function provenProblems(mesh: Mesh): Promise<readonly Problem[]> {
  await using prover = new Prover();
  const types = XDS_TYPES.filter(({ name }) => name === "filter");
  const problems: Problem[] = [];
  for (const object of mesh.allObjects()) {
    if (!isHeardByFilters(mesh, objectKey(object))) continue;
    const verdicts = await Promise.all(proofsOf(mesh, object, types).map((request) => prover.prove(request)));
    const refused = verdicts.find((verdict) => !verdict.good);
    if (refused?.good === false) problems.push(refusalOf(object, refused.reason));
  }
  return problems;
}

function isHeardByFilters(mesh: Mesh, key: string): boolean {
  const { policies = [], plugins = [] } = mesh.contributed(key) ?? {};
  return policies.length + plugins.length > 0;
}

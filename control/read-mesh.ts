import { KINDS } from "./kinds/index.ts";
import { defaultMeshSettings } from "./kinds/mesh-config/index.ts";
import { Mesh } from "./mesh/index.ts";
import { compareProblems, objectKey, type Problem } from "./model/index.ts";
import { Kinds, ObjectStore } from "./model/objects/index.ts";
import type { Source } from "./model/source.ts";
import { problemsInMesh } from "./mesh-problems.ts";

/** A mesh as its sources are at one moment, without a service. */
export interface OfflineMesh {
  readonly mesh: Mesh;
  /** Of the objects, each by itself and with the others. */
  readonly problems: readonly Problem[];
}

/** Reads sources to the end and disposes of them. Apart from translation, which wants Envoy's API: that takes longer to load than a mesh to read. */
export async function readMesh(sources: readonly Source[]): Promise<OfflineMesh> {
  const store = new ObjectStore(new Kinds(KINDS));
  let mesh = Mesh.empty(KINDS, defaultMeshSettings);
  for (const source of sources) {
    await using started = source;
    await started.start((change) => {
      const { upserted, removed } = store.apply(change, source.name);
      mesh = mesh.apply({ upserted, removed: removed.map(objectKey) }).mesh;
    });
  }
  return { mesh, problems: [...store.problems(), ...problemsInMesh(mesh, KINDS)].sort(compareProblems) };
}

import type { SourceChange } from "../../control/model/index.ts";
import type { MeshSources } from "../../control/diff/index.ts";
import { meshSources } from "../control/mesh-sources.ts";

/** Names by which the sources of one side are those of the other. */
export const OBJECTS = "objects";
export const MESH_CONFIG = "mesh-config";

/** What stands in files and directories. */
export async function readSources(paths: readonly string[], meshConfig: string | undefined): Promise<MeshSources> {
  const sources = await meshSources(paths, meshConfig);
  const read = new Map<string, SourceChange>();
  for (const [index, source] of sources.entries()) {
    await using started = source;
    await started.start((change) => read.set(index === 0 ? OBJECTS : MESH_CONFIG, change));
  }
  return read;
}

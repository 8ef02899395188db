import { access } from "node:fs/promises";
import { meshConfigDocument, meshConfigOfConfigMap } from "../../control/kinds/mesh-config/index.ts";
import type { Source } from "../../control/model/index.ts";
import { DirectorySource } from "../../control/sources/directory/index.ts";
import { mapped } from "../../control/sources/mapped.ts";
import { CliError, ExitCode } from "../cli-error.ts";

/** The sources of a mesh in directories and files, with the MeshConfig in a file of its own, or in a ConfigMap among the others. */
export async function meshSources(paths: readonly string[], meshConfig?: string): Promise<Source[]> {
  for (const path of [...paths, ...(meshConfig === undefined ? [] : [meshConfig])]) {
    await access(path).catch((error: NodeJS.ErrnoException) => {
      const reason = error.code === "ENOENT" ? "there is no such file or directory" : error.message;
      throw new CliError(ExitCode.Input, `${path}: ${reason}`, { cause: error });
    });
  }
  const objects = mapped(new DirectorySource(paths), (manifest) => meshConfigOfConfigMap(manifest) ?? manifest);
  return meshConfig === undefined ? [objects] : [objects, mapped(new DirectorySource([meshConfig]), meshConfigDocument)];
}

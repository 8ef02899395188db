import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { AnnouncedModule } from "../../control/bootstrap/index.ts";
import { filterFiles, filterNames } from "../../filters/index.ts";
import { readInput } from "../read-file.ts";

/** A module's file and what stands in it. */
export interface ModuleFile extends AnnouncedModule {
  readonly bytes: Uint8Array;
}

/** The modules of this package and those at `extra` (paths of `NAME.wasm`, which win), by name. */
export async function readModules(extra: readonly string[]): Promise<Readonly<Record<string, ModuleFile>>> {
  const modules: Record<string, ModuleFile> = {};
  for (const name of filterNames()) {
    const { module } = filterFiles(name);
    modules[name] = describe(module, await readFile(module));
  }
  for (const path of extra) modules[basename(path, ".wasm")] = describe(resolve(path), await readInput(path, "module"));
  return modules;
}

function describe(path: string, bytes: Uint8Array): ModuleFile {
  return { path, sha256: createHash("sha256").update(bytes).digest("hex"), bytes };
}

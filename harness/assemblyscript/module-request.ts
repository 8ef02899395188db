import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assemblySources } from "./sources.ts";

/** A module that is to be there. */
export interface ModuleRequest {
  /** Relative to `folder`, as are all paths but `compiler`. */
  readonly entry: string;
  readonly folder: string;
  /** Of asc's command line, but for the entry and `--outFile`. */
  readonly parameters: readonly string[];
  /** Files that decide about the module beside its sources and `asconfig.json`. */
  readonly tools: readonly string[];
  /** Where modules are kept. */
  readonly cache: string;
  /** asc's package.json. */
  readonly compiler: string;
}

/** What a module is made of at the moment. */
export interface ModuleState {
  /** Where the module is, or shall be: by the content of all that it is made of. */
  readonly output: string;
  /** Digest of what the compiler is made of. */
  readonly tools: string;
  readonly sources: readonly string[];
}

export function stateOf({ entry, folder, parameters, tools, cache, compiler }: ModuleRequest): ModuleState {
  const toolsDigest = createHash("sha256").update(readFileSync(compiler));
  for (const file of ["asconfig.json", ...tools]) toolsDigest.update(readFileSync(join(folder, file)));
  const digest = toolsDigest.copy().update(JSON.stringify([entry, ...parameters]));
  const sources = assemblySources(folder, [entry]);
  for (const file of sources) digest.update(file).update(readFileSync(join(folder, file)));
  return { output: join(folder, cache, `${digest.digest("hex")}.wasm`), tools: toolsDigest.digest("hex"), sources };
}

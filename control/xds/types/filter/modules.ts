import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { filterFiles } from "../../../../filters/index.ts";

/** A wasm module as it is given to proxies. */
export interface Module {
  readonly bytes: Uint8Array;
  /** In hex. */
  readonly sha256: string;
}

/** Where modules come from, by the name of their filter. */
export type Modules = (name: string) => Module;

const read = new Map<string, Module>();

/** The modules of this package, each read once. Throws a RangeError where they are not built. */
export const builtModules: Modules = (name) => {
  let module = read.get(name);
  if (module === undefined) {
    const bytes = readFileSync(filterFiles(name).module);
    read.set(name, (module = { bytes, sha256: createHash("sha256").update(bytes).digest("hex") }));
  }
  return module;
};

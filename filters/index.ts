// Where the built filters stand, for those who load them into an Envoy or the in-process host. The only TypeScript in this folder that is no test:
// the rest is AssemblyScript.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Absolute paths of one built filter's files. */
export interface FilterFiles {
  /** For instance `routing`; also the name of the root that the module registers. */
  readonly name: string;
  /** `NAME.wasm`. */
  readonly module: string;
  /** `NAME.manifest.json`: description and capabilities. */
  readonly manifest: string;
  /** `NAME.schema.json`: the JSON Schema of the filter's configuration; absent for a filter that takes none. */
  readonly schema?: string;
}

/** What `NAME.manifest.json` says. */
export interface FilterManifest {
  readonly name: string;
  readonly description: string;
  /** Where Envoy runs it: before the router (`downstream`, where absent), in `http_filters` of a cluster's `HttpProtocolOptions` (`upstream`), or either. */
  readonly chain?: string;
  /** The functions that the module imports, by name: hostcalls and WASI's. */
  readonly capabilities: readonly string[];
}

const MODULE = ".wasm";
const folder = join(packageFolder(), "dist/filters");

/** Names of the built filters, sorted. Empty before the first build. */
export function filterNames(): string[] {
  const files = existsSync(folder) ? readdirSync(folder) : [];
  const modules = files.filter((file) => file.endsWith(MODULE)).map((file) => file.slice(0, -MODULE.length));
  return modules.filter((name) => existsSync(join(folder, `${name}.manifest.json`))).toSorted();
}

/**
 * The files of the filter `name`.
 *
 * @throws RangeError where there is no such filter; the message lists those that there are
 */
export function filterFiles(name: string): FilterFiles {
  const names = filterNames();
  if (!names.includes(name)) {
    const known = names.length === 0 ? "none is built: run `npm run build`" : `there are ${names.join(", ")}`;
    throw new RangeError(`there is no filter ${JSON.stringify(name)}; ${known}`);
  }
  const schema = join(folder, `${name}.schema.json`);
  return {
    name,
    module: join(folder, `${name}${MODULE}`),
    manifest: join(folder, `${name}.manifest.json`),
    ...(existsSync(schema) ? { schema } : {}),
  };
}

/** @throws RangeError as {@link filterFiles} */
export function readFilterManifest(name: string): FilterManifest {
  return JSON.parse(readFileSync(filterFiles(name).manifest, "utf8")) as FilterManifest;
}

/** This file runs as `filters/index.ts` in the repository and as `dist/filters/index.js` in the package. */
function packageFolder(): string {
  let found = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(found, "package.json")) && dirname(found) !== found) found = dirname(found);
  return found;
}

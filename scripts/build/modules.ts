import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, glob, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { assemblySources } from "../../harness/assemblyscript/sources.ts";
import { checkModule } from "./check-module.ts";
import { readManifest, type Manifest } from "./manifest.ts";
import { FILTER_OPTIONS } from "./options.ts";

const run = promisify(execFile);
const COMPILER = "node_modules/assemblyscript/bin/asc.js";
/** What every module is made with, beside its sources. */
const TOOLS = ["asconfig.json", "node_modules/assemblyscript/package.json", "node_modules/binaryen/package.json"];
const TRANSFORM = fileURLToPath(new URL("literals.ts", import.meta.url));
const OPTIMISER = fileURLToPath(new URL("optimise.ts", import.meta.url));

/** A folder with `index.ts` and `manifest.json`, and what becomes of it. */
interface ModuleSource {
  readonly manifest: Manifest;
  /** Relative to the repository, as are the others. */
  readonly folder: string;
  /** Without its ending: `dist/filters/routing`. */
  readonly output: string;
}

/** From the sources of a module to the digest that it was last built with, as `dist/modules.json` keeps it. */
export type Digests = Record<string, string>;

/** Relative to the repository. */
export const DIGESTS = "dist/modules.json";

/** Filters become `dist/filters/NAME.wasm`, modules that only the benchmark loads `dist/bench/NAME.wasm`. */
export async function findModules(repository: string): Promise<ModuleSource[]> {
  const sources: ModuleSource[] = [];
  for (const [pattern, target] of [
    ["filters/*/manifest.json", "dist/filters"],
    ["test/bench/*/*/manifest.json", "dist/bench"],
  ] as const) {
    for await (const path of glob(pattern, { cwd: repository })) {
      const manifest = await readManifest(join(repository, path));
      sources.push({ manifest, folder: dirname(path), output: `${target}/${manifest.name}` });
    }
  }
  return sources.toSorted((a, b) => a.output.localeCompare(b.output));
}

/**
 * Compiles and checks the modules whose sources are not those of `before`, as many at a time as there are cores.
 *
 * @returns the digests of all that are good, and a text for each that is not
 */
export async function buildModules(
  repository: string,
  before: Digests,
  report: (line: string) => void,
): Promise<{ digests: Digests; failures: string[] }> {
  const digests: Digests = {};
  const failures: string[] = [];
  const waiting = await findModules(repository);
  const worker = async () => {
    for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
      const digest = await digestOf(repository, source);
      const wasm = `${source.output}.wasm`;
      try {
        if (before[source.output] !== digest || !(await exists(join(repository, wasm)))) report(await build(repository, source));
        digests[source.output] = digest;
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return { digests, failures };
}

/** The module that was built of the folder, where the present sources are those that it was built of; `undefined` elsewhere. */
export async function builtModule(repository: string, folder: string, digests: Digests): Promise<string | undefined> {
  const source = (await findModules(repository)).find((each) => each.folder === folder);
  if (source === undefined) return undefined;
  const wasm = join(repository, `${source.output}.wasm`);
  return digests[source.output] === (await digestOf(repository, source)) && (await exists(wasm)) ? wasm : undefined;
}

/** What `dist/modules.json` says; nothing where it is not there or not whole. */
export async function readDigests(repository: string): Promise<Digests> {
  try {
    return JSON.parse(await readFile(join(repository, DIGESTS), "utf8")) as Digests;
  } catch {
    return {};
  }
}

async function build(repository: string, { folder, manifest, output }: ModuleSource): Promise<string> {
  const started = performance.now();
  const wasm = `${output}.wasm`;
  // A name of its own: whoever loads the module meanwhile sees the old one or the new one, never half of it.
  const partial = `${output}.${process.pid}.wasm`;
  await mkdir(join(repository, dirname(output)), { recursive: true });
  try {
    await compile(repository, `${folder}/index.ts`, partial);
    await run(process.execPath, [OPTIMISER, partial, partial], { cwd: repository });
    const bytes = new Uint8Array(await readFile(join(repository, partial)));
    const problems = checkModule(bytes, manifest);
    if (problems.length > 0) throw new Error(`${wasm} (from ${folder})\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
    await rename(join(repository, partial), join(repository, wasm));
    await copyFile(join(repository, folder, "manifest.json"), join(repository, `${output}.manifest.json`));
    const schema = join(repository, folder, `${manifest.name}.schema.json`);
    if (await exists(schema)) await copyFile(schema, join(repository, `${output}.schema.json`));
    return `${wasm}  ${bytes.length} bytes  ${((performance.now() - started) / 1000).toFixed(1)} s`;
  } finally {
    await rm(join(repository, partial), { force: true });
  }
}

async function compile(repository: string, entry: string, output: string): Promise<void> {
  try {
    await run(process.execPath, [COMPILER, entry, "--outFile", output, ...FILTER_OPTIONS], {
      cwd: repository,
      maxBuffer: 16 << 20,
    });
  } catch (error) {
    const message = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
    throw new Error(`${entry} does not compile:\n${message}`, { cause: error });
  }
}

async function digestOf(repository: string, { folder, manifest, output }: ModuleSource): Promise<string> {
  const hash = createHash("sha256")
    .update(output)
    .update(await readFile(TRANSFORM))
    .update(await readFile(OPTIMISER));
  const files = [...TOOLS, `${folder}/manifest.json`, ...assemblySources(repository, [`${folder}/index.ts`])];
  const schema = `${folder}/${manifest.name}.schema.json`;
  if (await exists(join(repository, schema))) files.push(schema);
  for (const file of files) hash.update(`${file}\0`).update(await readFile(join(repository, file)));
  return hash.digest("hex");
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify, stripVTControlCharacters } from "node:util";
import { askService } from "./service.ts";
import { assemblySources } from "./sources.ts";

const run = promisify(execFile);

/** In the environment of the processes that run tests: the socket of a compiler that stays warm. */
export const SERVICE = "MESHWRIGHT_COMPILER";

/** Somebody waits for the result of a line: optimising takes two thirds of the compiler's time. */
const QUICK = ["--optimizeLevel", "0", "--shrinkLevel", "0"];

export interface CompileOptions {
  /** asc runs here; paths in the module are relative to it. Default: the nearest folder above the entry that has an `asconfig.json`. */
  readonly folder?: string;
  /** Of asc's command line. Default: the target `release` of `asconfig.json`. */
  readonly parameters?: readonly string[];
  /** Files that decide about the module beside its sources and `asconfig.json`; in `folder`. */
  readonly tools?: readonly string[];
  /** Where modules are kept, by the content of all that they are made of; in `folder`. Default: `node_modules/.cache/meshwright`. */
  readonly cache?: string;
  /** Not optimised where a compiler stays warm, which is so while vitest watches. Default: true. */
  readonly quick?: boolean;
}

/**
 * Compiles an AssemblyScript `entry` (a path or the URL of a file), where that has not been done, and returns the path of the module.
 *
 * ```ts
 * const chain = async () => ({ filters: [{ name: "mine", module: await compileFilter(new URL("index.ts", import.meta.url)) }] });
 * ```
 *
 * With the plugin {@link assemblyScript} in `vitest.config.ts`, `vitest watch` compiles in a process that stays warm, without optimising; `vitest run` as for a release.
 *
 * @throws Error what asc says about sources that do not compile
 */
export async function compileFilter(entry: string | URL, options: CompileOptions = {}): Promise<string> {
  const path = typeof entry === "string" ? resolve(entry) : fileURLToPath(entry);
  const folder = options.folder ?? configuredFolder(path);
  const service = process.env[SERVICE];
  const {
    parameters = ["--config", "asconfig.json", "--target", "release"],
    tools = [],
    cache = "node_modules/.cache/meshwright",
    quick = true,
  } = options;
  const source = relative(folder, path);
  const all = [source, ...parameters, ...(service !== undefined && quick ? QUICK : [])];

  const toolsDigest = createHash("sha256").update(readFileSync(join(compiler(), "../../package.json")));
  for (const file of ["asconfig.json", ...tools]) toolsDigest.update(readFileSync(join(folder, file)));
  const digest = toolsDigest.copy().update(JSON.stringify(all));
  for (const file of assemblySources(folder, [source])) digest.update(file).update(readFileSync(join(folder, file)));
  const output = join(folder, cache, `${digest.digest("hex")}.wasm`);

  await mkdir(dirname(output), { recursive: true });
  const problem =
    service === undefined
      ? await compileHere(all, folder, output)
      : await askService(service, { parameters: [...all, "--baseDir", folder], output, tools: toolsDigest.digest("hex") });
  if (problem !== undefined) throw new Error(`${source} does not compile:\n${stripVTControlCharacters(problem)}`);
  return output;
}

function configuredFolder(path: string): string {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (existsSync(join(folder, "asconfig.json"))) return folder;
    if (dirname(folder) === folder)
      throw new Error(`${path}: no asconfig.json stands beside it or above; npx meshwright new filter NAME lays one down`);
  }
}

async function compileHere(parameters: readonly string[], folder: string, output: string): Promise<string | undefined> {
  if (existsSync(output)) return undefined;
  const partial = `${output}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    await run(process.execPath, [compiler(), ...parameters, "--outFile", relative(folder, partial)], { cwd: folder, maxBuffer: 16 << 20 });
  } catch (error) {
    return error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
  }
  // Other processes may compile the same: the last rename wins, and all are equal.
  await rename(partial, output);
  return undefined;
}

function compiler(): string {
  try {
    return fileURLToPath(import.meta.resolve("assemblyscript/bin/asc.js"));
  } catch (error) {
    throw new Error("the compiler of AssemblyScript is not installed: npm install --save-dev assemblyscript@0.28.20", { cause: error });
  }
}

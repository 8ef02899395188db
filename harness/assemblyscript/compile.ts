import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify, stripVTControlCharacters } from "node:util";
import { type ModuleRequest, stateOf } from "./module-request.ts";
import { askService, type CompilerReply } from "./service.ts";

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
  const request = requestFor(entry, options);
  const service = process.env[SERVICE];
  if (service !== undefined) changing.add(request.entry);
  const result = service === undefined ? await compileHere(request) : await askService(service, { module: request });
  if ("problem" in result) throw new Error(`${request.entry} does not compile:\n${stripVTControlCharacters(result.problem)}`);
  return result.output;
}

/** Entries of which the compiler that stays warm was asked for a module. */
const changing = new Set<string>();

/** Whether an entry's sources changed since this process, which test files may follow one another in, began: what was built before need not be looked at. */
export function isChanging(entry: string | URL, options: CompileOptions = {}): boolean {
  return changing.has(requestFor(entry, options).entry);
}

/** Where a compiler stays warm, has it get ready for changes of a module that is there already. Parameters as of {@link compileFilter}. */
export async function expectChanges(entry: string | URL, options: CompileOptions = {}): Promise<void> {
  const service = process.env[SERVICE];
  if (service !== undefined) await askService(service, { module: requestFor(entry, options), isThere: true });
}

function requestFor(entry: string | URL, options: CompileOptions): ModuleRequest {
  const path = typeof entry === "string" ? resolve(entry) : fileURLToPath(entry);
  const folder = options.folder ?? configuredFolder(path);
  const {
    parameters = ["--config", "asconfig.json", "--target", "release"],
    tools = [],
    cache = "node_modules/.cache/meshwright",
    quick = true,
  } = options;
  return {
    entry: relative(folder, path),
    folder,
    parameters: [...parameters, ...(process.env[SERVICE] !== undefined && quick ? QUICK : [])],
    tools,
    cache,
    compiler: join(compiler(), "../../package.json"),
  };
}

function configuredFolder(path: string): string {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (existsSync(join(folder, "asconfig.json"))) return folder;
    if (dirname(folder) === folder)
      throw new Error(`${path}: no asconfig.json stands beside it or above; npx meshwright new filter NAME lays one down`);
  }
}

async function compileHere(request: ModuleRequest): Promise<CompilerReply> {
  const { entry, folder, parameters } = request;
  const { output } = stateOf(request);
  if (existsSync(output)) return { output };
  await mkdir(dirname(output), { recursive: true });
  const partial = `${output}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    const all = [compiler(), entry, ...parameters, "--outFile", relative(folder, partial)];
    await run(process.execPath, all, { cwd: folder, maxBuffer: 16 << 20 });
  } catch (error) {
    return { problem: error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error) };
  }
  // Other processes may compile the same: the last rename wins, and all are equal.
  await rename(partial, output);
  return { output };
}

function compiler(): string {
  try {
    return fileURLToPath(import.meta.resolve("assemblyscript/bin/asc.js"));
  } catch (error) {
    throw new Error("the compiler of AssemblyScript is not installed: npm install --save-dev assemblyscript@0.28.20", { cause: error });
  }
}

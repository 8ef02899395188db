import { createHash } from "node:crypto";
import { execFile } from "node:child_process";
import { access, mkdir, readdir, readFile, rename } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const CACHE = join(REPOSITORY, ".cache/foreign");

/** A module that was built, or the one sentence that says which toolchain this machine lacks. */
export type Built = { readonly module: string } | { readonly missing: string };

/** How to build one module with somebody else's toolchain. */
export interface Recipe {
  /** Becomes part of the file's name. */
  readonly name: string;
  /** Prints its version when it is called so; `undefined` or a failure means that it is missing. */
  readonly toolchain: Toolchain;
  /** File or folder whose content decides whether it must be built again. */
  readonly source: string;
  /** Builds `output`. `folder` is a place for intermediate files, which stays. */
  build(tool: string, output: string, folder: string): Promise<void>;
}

/** A compiler that may be missing. */
export interface Toolchain {
  /** What to install, as a reader understands it. */
  readonly needs: string;
  /** The command, or undefined where this machine has none that will do. */
  find(): Promise<{ readonly command: string; readonly version: string } | undefined>;
}

const running = new Map<string, Promise<Built>>();

/**
 * The path of the module, built when its source or its compiler changed. Builds of one process for the same recipe are one build.
 *
 * @param cache the folder of built modules
 * @throws Error with the compiler's output where the source does not compile
 */
export function build(recipe: Recipe, cache: string = CACHE): Promise<Built> {
  const known = running.get(recipe.name) ?? buildOnce(recipe, cache);
  running.set(recipe.name, known);
  return known;
}

async function buildOnce(recipe: Recipe, cache: string): Promise<Built> {
  const tool = await recipe.toolchain.find();
  if (tool === undefined) return { missing: `${recipe.name}: this machine has no ${recipe.toolchain.needs}` };
  const digest = createHash("sha256").update(`${tool.version}\0${recipe.build.toString()}\0`);
  for (const [path, content] of await sources(recipe.source)) digest.update(`${path}\0`).update(content);
  const module = join(cache, `${recipe.name}-${digest.digest("hex").slice(0, 16)}.wasm`);
  if (await exists(module)) return { module };
  const folder = join(cache, recipe.name);
  await mkdir(folder, { recursive: true });
  // Two processes may build at once; each writes a file of its own and renames it.
  const output = join(folder, `${process.pid}.wasm`);
  await recipe.build(tool.command, output, folder);
  await rename(output, module);
  return { module };
}

/** Runs a command to its end. @throws Error with what it printed where it fails */
export async function run(
  command: string,
  parameters: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(command, parameters, { ...options, maxBuffer: 16 << 20 });
    return stdout;
  } catch (error) {
    const printed =
      error instanceof Error && "stderr" in error ? `${"stdout" in error ? String(error.stdout) : ""}${String(error.stderr)}` : "";
    throw new Error(`${command} ${parameters.join(" ")} failed:\n${printed || String(error)}`, { cause: error });
  }
}

/** What `command parameters` prints, or undefined where it cannot be run. */
export async function version(command: string, parameters: readonly string[] = ["--version"]): Promise<string | undefined> {
  return run(command, parameters).then(
    (printed) => printed.trim(),
    () => undefined,
  );
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function sources(path: string): Promise<Array<readonly [string, Buffer]>> {
  const names = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (names === undefined) return [[relative(REPOSITORY, path), await readFile(path)]];
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.sort().map(async (file) => [relative(REPOSITORY, file), await readFile(file)] as const));
}

import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import type { Command } from "commander";
import { makeFolder } from "../../harness/make-folder.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { filterFolder } from "../new-filter/folder.ts";

export function addNew(program: Command): void {
  const create = program.command("new").description("Lay down something that builds and passes its tests.");
  create
    .command("filter")
    .summary("lay down a new filter")
    .description("Lays down a filter that builds, passes its tests in process and in Envoy, and has its page: a folder to begin with.")
    .argument("<name>", "in kebab-case, for instance header-guard")
    .option("--dir <folder>", "where the folder is made; default: filters/ in this repository, else the current folder")
    .addHelpText(
      "after",
      `
Examples:
  $ meshwright new filter header-guard
  $ meshwright new filter header-guard --dir plugins`,
    )
    .action(newFilter);
}

async function newFilter(name: string, options: { readonly dir?: string }): Promise<void> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 50) {
    throw new CliError(ExitCode.Input, `${name}: a filter's name is in kebab-case, for instance header-guard`);
  }
  if (["sdk", "lib", "testing"].includes(name)) throw new CliError(ExitCode.Input, `${name}: this name is taken`);
  const repository = await enclosingRepository(process.cwd());
  const inside = repository !== undefined && options.dir === undefined;
  const folder = resolve(inside ? join(repository, "filters") : (options.dir ?? "."), name);
  if (existsSync(folder)) throw new CliError(ExitCode.Input, `${shown(folder)}: is there already; choose another name or remove it`);
  await layDown(folder, filterFolder(name, inside, await packageVersion())).catch((error: Error) => {
    throw new CliError(ExitCode.Input, `${shown(folder)}: cannot be written: ${error.message}; name another place with --dir`, {
      cause: error,
    });
  });
  const next = inside ? ["npm run build", `npm test -- filters/${name}`] : [`cd ${shown(folder)}`, "npm install", "npm test"];
  process.stdout.write(`Made ${shown(folder)}. Next:\n${next.map((line) => `  ${line}\n`).join("")}`);
}

/** All of the files, or none. */
async function layDown(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  try {
    for (const [path, content] of files) {
      const file = join(folder, path);
      makeFolder(dirname(file));
      await writeFile(file, content);
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
}

function shown(path: string): string {
  return relative(process.cwd(), path) || ".";
}

/** The repository of this package, where `folder` is inside it; its users have the package in `node_modules` instead. */
async function enclosingRepository(folder: string): Promise<string | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const manifest = await readFile(join(at, "package.json"), "utf8").catch(() => undefined);
    if (manifest !== undefined && (JSON.parse(manifest) as { name?: string }).name === "meshwright" && existsSync(join(at, "filters/sdk")))
      return at;
    if (dirname(at) === at) return undefined;
  }
}

async function packageVersion(): Promise<string> {
  const file = new URL(import.meta.url.endsWith(".ts") ? "../../package.json" : "../../../package.json", import.meta.url);
  return (JSON.parse(await readFile(file, "utf8")) as { readonly version: string }).version;
}

import { globSync } from "node:fs";
import { join, relative } from "node:path";
import { assemblySources, type KnownImports } from "./sources.ts";

const TESTS = "**/*.{test,scenarios}.ts";
const IS_TEST = /\.(?:test|scenarios)\.ts$/;
const PACKAGES = ["**/node_modules/**"];

/**
 * The tests that have to do with a changed file: those of each folder of which a source is this file, or imports it, however far. Modules are
 * compiled by the tests, which do not import them, so that vitest cannot know.
 *
 * @param patterns of folders below `root`, each with sources and their tests; where absent, `root` is the only one
 * @param changed a path
 */
export function dependentTests(root: string, patterns: readonly string[] | undefined, changed: string): string[] {
  const file = relative(root, changed);
  if (IS_TEST.test(file)) return [];
  const folders = patterns === undefined ? ["."] : globSync([...patterns], { cwd: root, exclude: PACKAGES });
  if (!folders.some((folder) => isBelow(file, folder))) return [];
  const known: KnownImports = new Map();
  return folders.flatMap((folder) => {
    const files = globSync("**/*.ts", { cwd: join(root, folder), exclude: PACKAGES }).map((path) => join(folder, path));
    const sources = files.filter((path) => !IS_TEST.test(path));
    const concerned = isBelow(file, folder) || assemblySources(root, sources, known).includes(file);
    return concerned ? globSync(TESTS, { cwd: join(root, folder), exclude: PACKAGES }).map((path) => join(root, folder, path)) : [];
  });
}

function isBelow(file: string, folder: string): boolean {
  return folder === "." || file.startsWith(`${folder}/`);
}

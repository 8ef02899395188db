import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const IMPORT = /(?:^\s*(?:import|export)\b[^"';]*|\bimport\()["']([^"']+)["']/gm;

/** What files import, by path: who asks about many entries hands in one for all. */
export type KnownImports = Map<string, readonly string[]>;

/**
 * The AssemblyScript files that `entries` are made of: themselves and all that they import, however far. What does not exist is left out: the
 * compiler will say so.
 *
 * @param entries relative to `folder`, as the results are, which are sorted
 */
export function assemblySources(folder: string, entries: readonly string[], known: KnownImports = new Map()): string[] {
  const found = new Set<string>();
  const waiting = [...entries];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    let imported = known.get(file);
    if (imported === undefined) known.set(file, (imported = importsOf(folder, file)));
    waiting.push(...imported);
  }
  return [...found].toSorted();
}

function importsOf(folder: string, file: string): string[] {
  const text = readFileSync(join(folder, file), "utf8");
  return [...text.matchAll(IMPORT)].flatMap(([, path = ""]) => resolve(folder, file, path) ?? []);
}

/** As asc does: `PATH.ts`, or `PATH/index.ts`; those of packages in the nearest `node_modules` that has them. */
function resolve(folder: string, file: string, path: string): string | undefined {
  if (path.startsWith(".")) return sourceAt(folder, join(dirname(file), path));
  for (let above = "."; existsSync(join(folder, above)); above = join("..", above)) {
    const found = sourceAt(folder, join(above, "node_modules", path));
    if (found !== undefined) return found;
    if (join(folder, above) === join(folder, above, "..")) return undefined;
  }
  return undefined;
}

function sourceAt(folder: string, path: string): string | undefined {
  const plain = path.replace(/\.ts$/, "");
  return [`${plain}.ts`, join(plain, "index.ts")].find((candidate) => existsSync(join(folder, candidate)));
}

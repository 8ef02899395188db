import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const IMPORT = /^\s*(?:import|export)\b[^"';]*["']([^"']+)["']/gm;

/**
 * The AssemblyScript files that `entry` is made of: itself and all that it imports, however far. What does not exist is left out: the compiler
 * will say so.
 *
 * @param entry relative to `repository`, as the results are, which are sorted
 */
export async function assemblySources(repository: string, entry: string): Promise<string[]> {
  const found = new Set<string>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    const text = await readFile(join(repository, file), "utf8");
    for (const [, path = ""] of text.matchAll(IMPORT)) {
      const imported = path.startsWith(".") ? resolve(repository, join(dirname(file), path)) : undefined;
      if (imported !== undefined) waiting.push(imported);
    }
  }
  return [...found].toSorted();
}

/** As asc does: `PATH.ts`, or `PATH/index.ts`. */
function resolve(repository: string, path: string): string | undefined {
  const plain = path.replace(/\.ts$/, "");
  return [`${plain}.ts`, join(plain, "index.ts")].find((candidate) => existsSync(join(repository, candidate)));
}

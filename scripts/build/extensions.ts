import { glob, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const IMPORT = /\bimport\((\s*)(["'])(\.{1,2}\/[^"'\n]*)\.ts\2/g;

/**
 * TypeScript 6's `rewriteRelativeImportExtensions` leaves a dynamic `import("./x.ts")` as it is inside of a function with `using` or `await using`,
 * which it rewrites for Node 22: there is no `x.ts` in the package.
 *
 * @returns `code` with `.js` in these places
 */
export function withJsExtensions(code: string): string {
  return code.replace(IMPORT, (_, space: string, quote: string, path: string) => `import(${space}${quote}${path}.js${quote}`);
}

/** The same for every `.js` file below these folders. The compiler writes only what changed; the rest stays as it is. */
export async function mendExtensions(repository: string, folders: readonly string[]): Promise<void> {
  for await (const path of glob(
    folders.map((folder) => `${folder}/**/*.js`),
    { cwd: repository },
  )) {
    const file = join(repository, path);
    const code = await readFile(file, "utf8");
    const mended = withJsExtensions(code);
    if (mended !== code) await writeFile(file, mended);
  }
}

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Copies of a module that differ in a custom section only, so that neither Envoy nor V8 shares their compiled code.
 *
 * @param folder where to write them
 */
export async function distinctCopies(module: string, count: number, folder: string): Promise<string[]> {
  const bytes = await readFile(module);
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const path = join(folder, `${i}.wasm`);
      // Section 0: its length, the length of its name, the name (WebAssembly core specification, 5.5.3).
      const name = Buffer.from(`copy ${i}`, "latin1");
      await writeFile(path, Buffer.concat([bytes, Buffer.from([0, name.length + 1, name.length]), name]));
      return path;
    }),
  );
}

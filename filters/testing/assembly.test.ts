import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { compileToFile } from "./assembly.ts";

const cache = fileURLToPath(new URL("../../.cache", import.meta.url));

test("a changed source is compiled anew, wherever it is imported, and an unchanged one is not", { timeout: 180_000 }, async () => {
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "sources-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const entry = join(folder, "index.ts");
  const compiled = async (value: number) => {
    await writeFile(join(folder, "value.ts"), `export const value: i32 = ${value};\n`);
    const path = await compileToFile(entry, ["--config", "none", "--runtime", "stub"]);
    onTestFinished(() => rm(path, { force: true }));
    return { path, written: (await stat(path)).mtimeMs };
  };
  await writeFile(entry, 'import { value } from "./value";\nexport function answer(): i32 {\n  return value;\n}\n');

  const first = await compiled(1);
  const changed = await compiled(2);
  expect(changed.path).not.toBe(first.path);
  expect(await compiled(1)).toEqual(first);
  expect(await compiled(2)).toEqual(changed);
});

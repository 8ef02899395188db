import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, onTestFinished, test } from "vitest";
import { mendExtensions, withJsExtensions } from "./extensions.ts";

const SOURCE = `
export const plain = () => import("./value.ts");
export async function using() {
  using _one = { [Symbol.dispose]() {} };
  return await import("./value.ts");
}
export async function awaitUsing() {
  await using _one = { async [Symbol.asyncDispose]() {} };
  const all = await Promise.all([import("./value.ts"), import('./value.ts')]);
  return all[0];
}
`;

test("what the package's compiler makes of imports beside `using` loads", async () => {
  const folder = await mkdtemp(join(tmpdir(), "meshwright-extensions-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, "out"));
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  await writeFile(join(folder, "out/value.js"), 'export const value = "loaded";');
  const configuration = fileURLToPath(new URL("../../tsconfig.build.json", import.meta.url));
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(configuration, (path) => ts.sys.readFile(path)).config,
    ts.sys,
    fileURLToPath(new URL("../..", import.meta.url)),
  );
  const { outputText } = ts.transpileModule(SOURCE, { compilerOptions: options, fileName: "main.mts" });
  await writeFile(join(folder, "out/main.js"), outputText);
  await mendExtensions(folder, ["out"]);

  expect(await readFile(join(folder, "out/main.js"), "utf8")).not.toContain(".ts");
  const main = (await import(/* @vite-ignore */ join(folder, "out/main.js"))) as Record<string, () => Promise<unknown>>;
  for (const name of ["plain", "using", "awaitUsing"]) expect(await main[name]?.(), name).toMatchObject({ value: "loaded" });
});

test("other texts stay as they are", () => {
  for (const code of ['import("x.ts")', 'import("./x.js")', 'read("./x.ts")', "import(`./${name}.ts`)", "import('./x.ts\n')"]) {
    expect(withJsExtensions(code)).toBe(code);
  }
});

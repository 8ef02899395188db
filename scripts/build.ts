// Makes `dist/`: the filters and the benchmark's modules from AssemblyScript, the package from TypeScript. Only what changed is made again.
//
//   node scripts/build.ts [--package]
//
// With `--package` types are checked too, and everything that `npm pack` needs is there or the build fails. Without, TypeScript is only stripped.

import { execFile } from "node:child_process";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { mendExtensions } from "./build/extensions.ts";
import { buildModules, DIGESTS, readDigests } from "./build/modules.ts";
import { buildInputs, STAMP } from "./setup/build-inputs.mjs";

const repository = fileURLToPath(new URL("..", import.meta.url));
const PACKAGE_FOLDERS = ["dist/cli", "dist/control", "dist/harness"];
const PACKAGE_OUTPUTS = [...PACKAGE_FOLDERS, ".cache/package.tsbuildinfo"];
const say = (line: string) => console.error(`build: ${line}`);

async function buildPackage(checked: boolean): Promise<string[]> {
  const compiler = join(repository, "node_modules/typescript/bin/tsc");
  // What was made of sources that are gone must not be published; the compiler's memory of it goes too, or it would not write the rest again.
  if (checked) for (const path of PACKAGE_OUTPUTS) await rm(join(repository, path), { recursive: true, force: true });
  const parameters = [compiler, "-p", "tsconfig.build.json", ...(checked ? [] : ["--noCheck"])];
  try {
    await promisify(execFile)(process.execPath, parameters, { cwd: repository, maxBuffer: 16 << 20 });
  } catch (error) {
    const output = error instanceof Error && "stdout" in error ? String(error.stdout).trim() : String(error);
    return [`TypeScript does not compile:\n${output}`];
  }
  await mendExtensions(repository, PACKAGE_FOLDERS);
  await chmod(join(repository, "dist/cli/main.js"), 0o755).catch(() => {});
  return [];
}

const checked = process.argv.includes("--package");
const inputs = buildInputs(repository);
await mkdir(join(repository, "dist"), { recursive: true });
await rm(join(repository, STAMP), { force: true });

const [modules, packageFailures] = await Promise.all([buildModules(repository, await readDigests(repository), say), buildPackage(checked)]);
await writeFile(join(repository, DIGESTS), JSON.stringify(modules.digests, null, 2));
const failures = [...modules.failures, ...packageFailures];
for (const failure of failures) say(`FAILED ${failure}`);
// Inputs that changed during the build are noticed, because the stamp is of what was there before it.
if (failures.length === 0) await writeFile(join(repository, STAMP), inputs);
else process.exitCode = 1;

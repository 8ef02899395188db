import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { REPOSITORY } from "./build.ts";

const compiler = fileURLToPath(import.meta.resolve("assemblyscript/bin/asc.js"));
const source = join(REPOSITORY, "test/foreign/planted/index.ts");
const OPTIONS = ["--config", "none", "-O2", "--runtime", "incremental", "--exportStart", "_initialize", "--use", "abort="];

/** The path of the module with planted defects, compiled once and kept by its content. */
export async function plantedModule(): Promise<string> {
  const digest = createHash("sha256")
    .update(OPTIONS.join(" "))
    .update(await readFile(source));
  const folder = join(REPOSITORY, ".cache/foreign");
  const module = join(folder, `planted-${digest.digest("hex").slice(0, 16)}.wasm`);
  if (existsSync(module)) return module;
  await mkdir(folder, { recursive: true });
  const partial = `${module}.${process.pid}.wasm`;
  await promisify(execFile)(process.execPath, [compiler, relative(REPOSITORY, source), "-o", relative(REPOSITORY, partial), ...OPTIONS], {
    cwd: REPOSITORY,
  });
  await rename(partial, module);
  return module;
}

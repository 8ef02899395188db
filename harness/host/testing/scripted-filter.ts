import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const declarations = join(repository, "filters/sdk/abi/hostcalls.ts");
const compiler = fileURLToPath(import.meta.resolve("assemblyscript/bin/asc.js"));
const cache = join(repository, ".cache/assembly");

const OPTIONS = ["--config", "none", "-O2", "--runtime", "stub", "--exportStart", "_initialize", "--use", "abort="];

/**
 * The path of a module that does what its configuration says (`test/foreign/scripted`): one line for each step, such as
 * `request_headers: set 0 x-route canary`. It is compiled once and kept by the content of its sources.
 */
export function scriptedFilter(): Promise<string> {
  return compiled("scripted");
}

/**
 * The path of a module that makes any hostcall with any words from any callback (`test/foreign/probe`), compiled in the same way; `older`
 * for Envoy up to 1.38, without the WASI functions that came later.
 */
export function probeFilter(entry: "index" | "older" = "index"): Promise<string> {
  return compiled("probe", entry);
}

async function compiled(name: string, entry = "index"): Promise<string> {
  const source = join(repository, "test/foreign", name);
  const hash = createHash("sha256").update([...OPTIONS, entry].join(" "));
  const files = (await readdir(source)).map((file) => join(source, file)).toSorted();
  for (const file of [...files, declarations]) hash.update(await readFile(file));
  const module = join(cache, `${name}-${hash.digest("hex")}.wasm`);
  if (existsSync(module)) return module;
  await mkdir(cache, { recursive: true });
  const partial = `${module}.${process.pid}.wasm`;
  const parameters = [compiler, relative(repository, join(source, `${entry}.ts`)), "-o", relative(repository, partial), ...OPTIONS];
  await promisify(execFile)(process.execPath, parameters, { cwd: repository });
  await rename(partial, module);
  return module;
}

import { join, relative } from "node:path";
import { readFile } from "node:fs/promises";
import { REPOSITORY, run, version, type Recipe, type Toolchain } from "./build.ts";

/** The compiler and the SDK are packages of this repository, so they are never missing after the set-up. */
const asc: Toolchain = {
  needs: "AssemblyScript (npm install)",
  async find() {
    const command = join(REPOSITORY, "node_modules/.bin/asc");
    const found = await version(command);
    const sdk = await readFile(join(REPOSITORY, "node_modules/@gcoredev/proxy-wasm-sdk-as/package.json"), "utf8").catch(() => undefined);
    return found === undefined || sdk === undefined ? undefined : { command, version: `${found} ${sdk}` };
  },
};

/** Compiles the filter in `assemblyscript/` with `proxy-wasm-sdk-as`, with the flags of its documentation. */
export const assemblyScript: Recipe = {
  name: "assemblyscript",
  toolchain: asc,
  source: join(REPOSITORY, "test/foreign/assemblyscript"),
  async build(command, output) {
    const entry = "test/foreign/assemblyscript/index.ts";
    // Without --exportStart the start section would call the host before it is ready.
    const flags = ["--config", "none", "-O3", "--runtime", "incremental", "--exportStart", "_initialize"];
    const library = ["--lib", "test/foreign/assemblyscript/lib", "--use", "abort=abort_proc_exit", "--use", "process=wasi_process"];
    await run(command, [entry, "-o", relative(REPOSITORY, output), ...flags, ...library], { cwd: REPOSITORY });
  },
};

import { run, version, type Recipe, type Toolchain } from "./build.ts";

/** clang with WebAssembly's back end, and its linker. No libc is needed. */
export const clang: Toolchain = {
  needs: "clang with wasm-ld (Debian: clang, lld)",
  async find() {
    const linker = await version("wasm-ld");
    const compiler = await version("clang");
    return linker === undefined || compiler === undefined ? undefined : { command: "clang", version: `${compiler} ${linker}` };
  },
};

/** A single C file to a module; functions are exported by `export_name`. `name` tells apart what is built of one file by other `macros`. */
export function c(name: string, source: string, macros: readonly string[] = []): Recipe {
  return {
    name,
    toolchain: clang,
    source,
    async build(command, output) {
      const target = ["--target=wasm32", "-O3", "-ffreestanding", "-nostdlib", "-Wall", "-Werror", "-Wno-unused-but-set-variable"];
      await run(command, [...target, ...macros.map((macro) => `-D${macro}`), "-Wl,--no-entry", source, "-o", output]);
    },
  };
}

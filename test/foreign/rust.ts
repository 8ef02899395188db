import { dirname, join } from "node:path";
import { copyFile, mkdir } from "node:fs/promises";
import { exists, REPOSITORY, run, version, type Recipe, type Toolchain } from "./build.ts";

const TARGET = "wasm32-unknown-unknown";

/**
 * A Rust compiler with the standard library for WebAssembly: the one on the PATH, else the distribution's, which may be older and still have it. The crate's
 * lock file has versions that Debian 12's 1.63 compiles.
 */
const rustc: Toolchain = {
  needs: `rustc with the target ${TARGET} (Debian: rustc, cargo, libstd-rust-dev-wasm32, lld)`,
  async find() {
    for (const command of ["rustc", "/usr/bin/rustc"]) {
      const found = await version(command, ["-vV"]);
      const libraries = await version(command, ["--print", "target-libdir", "--target", TARGET]);
      const sysroot = await version(command, ["--print", "sysroot"]);
      if (found === undefined || libraries === undefined || sysroot === undefined || !(await exists(libraries))) continue;
      if ((await version(cargoOf(sysroot))) !== undefined) return { command: join(sysroot, "bin/rustc"), version: found };
    }
    return undefined;
  },
};

/** Compiles the crate in `rust/`. Its dependencies come from the registry once, and then from the cache. */
export const rust: Recipe = {
  name: "rust",
  toolchain: rustc,
  source: join(REPOSITORY, "test/foreign/rust"),
  async build(command, output, folder) {
    const manifest = join(REPOSITORY, "test/foreign/rust/Cargo.toml");
    const vendored = join(folder, "vendor");
    await mkdir(folder, { recursive: true });
    // The newest cargo downloads: that of Debian 12 knows the registry's old index only. Its own compiler has to be used with it, though.
    if (!(await exists(join(vendored, "proxy-wasm")))) await run("cargo", ["vendor", "--locked", "--manifest-path", manifest, vendored]);
    const source = [
      "--config",
      'source.crates-io.replace-with="vendored"',
      "--config",
      `source.vendored.directory=${JSON.stringify(vendored)}`,
    ];
    const flags = ["--offline", "--locked", "--ignore-rust-version", "--release", "--target", TARGET, "--manifest-path", manifest];
    const env = { ...process.env, RUSTC: command, CARGO_TARGET_DIR: join(folder, "target") };
    await run(cargoOf(dirname(dirname(command))), [...source, "build", ...flags], { cwd: folder, env });
    await copyFile(join(folder, "target", TARGET, "release/foreign.wasm"), output);
  },
};

function cargoOf(sysroot: string): string {
  return join(sysroot, "bin/cargo");
}

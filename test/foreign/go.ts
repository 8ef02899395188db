import { join } from "node:path";
import { REPOSITORY, run, version, type Recipe, type Toolchain } from "./build.ts";

/** Go 1.24 or newer: the first that exports functions of WASI modules (`-buildmode=c-shared`, `go:wasmexport`). */
const compiler: Toolchain = {
  needs: "go 1.24 or newer",
  async find() {
    const found = await version("go", ["version"]);
    const minor = Number(/go1\.(\d+)/.exec(found ?? "")?.[1] ?? 0);
    return found === undefined || minor < 24 ? undefined : { command: "go", version: found };
  },
};

/** Compiles the filter in `go/` with `proxy-wasm-go-sdk`. */
export const go: Recipe = {
  name: "go",
  toolchain: compiler,
  source: join(REPOSITORY, "test/foreign/go"),
  async build(command, output) {
    const env = { ...process.env, GOOS: "wasip1", GOARCH: "wasm", GOFLAGS: "-mod=readonly", GOTOOLCHAIN: "local" };
    const flags = ["-buildmode=c-shared", "-trimpath", "-ldflags=-s -w"];
    await run(command, ["build", ...flags, "-o", output, "."], { cwd: join(REPOSITORY, "test/foreign/go"), env });
  },
};

import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

// The Go module of go-control-plane is the only complete and current copy of the descriptors of Envoy's API on a registry, so this needs Go.

export const GO_CONTROL_PLANE = "v1.40.0";
const ISTIO_API = "v1.29.0";
const MODULE = "github.com/envoyproxy/go-control-plane/envoy";

/**
 * The descriptors of packages, and of all that they import.
 *
 * @param packages of Go, or a function that picks them from all that go-control-plane has
 */
export function dumpDescriptors(packages: readonly string[] | ((all: readonly string[]) => readonly string[])): FileDescriptorProto[] {
  const folder = mkdtempSync(join(tmpdir(), "envoy-api-"));
  try {
    const go = (...args: string[]): Buffer =>
      execFileSync("go", args, { cwd: folder, maxBuffer: 64 << 20, stdio: ["ignore", "pipe", "inherit"] });
    cpSync(join(import.meta.dirname, "dump.go"), join(folder, "dump.go"));
    go("mod", "init", "dump");
    go("get", `${MODULE}@${GO_CONTROL_PLANE}`, `istio.io/api@${ISTIO_API}`);
    const chosen = typeof packages === "function" ? packages(go("list", "-e", `${MODULE}/...`).toString().trim().split("\n")) : packages;
    writeFileSync(join(folder, "roots.go"), ["package main", ...chosen.map((each) => `import _ "${each}"`), ""].join("\n"));
    go("mod", "tidy");
    return fromBinary(FileDescriptorSetSchema, go("run", ".")).file;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Those files that are wanted and all that they import, each after those that it imports. */
export function reachable(all: readonly FileDescriptorProto[], isWanted: (file: FileDescriptorProto) => boolean): FileDescriptorProto[] {
  const byName = new Map(all.map((file) => [file.name, file]));
  const wanted = new Set<string>();
  const visit = (name: string): void => {
    if (wanted.has(name)) return;
    wanted.add(name);
    for (const dependency of byName.get(name)?.dependency ?? []) visit(dependency);
  };
  for (const file of all) if (isWanted(file)) visit(file.name);
  return all.filter(({ name }) => wanted.has(name));
}

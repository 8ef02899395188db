import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

// Writes control/envoy-api/generated/: Envoy's API as TypeScript, for the packages named in roots.txt.
//   node scripts/envoy-api/generate.ts
// The Go module of go-control-plane is the only complete and current copy of these descriptors on a registry, so this needs Go; its output is checked in
// because a build must not.

const GO_CONTROL_PLANE = "v1.40.0";
const SCRIPTS = import.meta.dirname;
const GENERATED = join(SCRIPTS, "../../control/envoy-api/generated");

const files = reachable(fromBinary(FileDescriptorSetSchema, dumpDescriptors(readRoots())).file);
const response = fromBinary(CodeGeneratorResponseSchema, runPlugin(files));
if (response.error !== "") throw new Error(`protoc-gen-es: ${response.error}`);
rmSync(GENERATED, { recursive: true, force: true });
for (const file of response.file) {
  const path = join(GENERATED, file.name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, file.content);
}
console.log(`${response.file.length} files of Envoy's API ${GO_CONTROL_PLANE} in control/envoy-api/generated/`);

function readRoots(): string[] {
  return readFileSync(join(SCRIPTS, "roots.txt"), "utf8").trim().split("\n");
}

function dumpDescriptors(roots: string[]): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "envoy-api-"));
  try {
    cpSync(join(SCRIPTS, "dump.go"), join(folder, "dump.go"));
    const imports = roots.map((root) => `import _ "github.com/envoyproxy/go-control-plane/envoy/${root}"`);
    writeFileSync(join(folder, "roots.go"), ["package main", ...imports, ""].join("\n"));
    const go = (...args: string[]): Buffer =>
      execFileSync("go", args, { cwd: folder, maxBuffer: 64 << 20, stdio: ["ignore", "pipe", "inherit"] });
    go("mod", "init", "dump");
    go("get", `github.com/envoyproxy/go-control-plane/envoy@${GO_CONTROL_PLANE}`);
    go("mod", "tidy");
    return go("run", ".");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Envoy's files and what they import; Go registers more than that. */
function reachable(all: FileDescriptorProto[]): FileDescriptorProto[] {
  const byName = new Map(all.map((file) => [file.name, file]));
  const wanted = new Set<string>();
  const visit = (name: string): void => {
    if (wanted.has(name)) return;
    wanted.add(name);
    for (const dependency of byName.get(name)?.dependency ?? []) visit(dependency);
  };
  for (const { name } of all) if (name.startsWith("envoy/")) visit(name);
  return all.filter(({ name }) => wanted.has(name));
}

function runPlugin(protoFile: FileDescriptorProto[]): Uint8Array {
  const fileToGenerate = protoFile.map(({ name }) => name).filter((name) => !name.startsWith("google/protobuf/"));
  const request = create(CodeGeneratorRequestSchema, {
    protoFile,
    fileToGenerate,
    parameter: "target=ts,import_extension=ts,erasable_syntax=true",
  });
  return execFileSync("protoc-gen-es", { input: toBinary(CodeGeneratorRequestSchema, request), maxBuffer: 64 << 20 });
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { buildInputs, isBuilt, STAMP } from "./setup/build-inputs.mjs";
import { stalePackages } from "./setup/packages.mjs";

const repository = fileURLToPath(new URL("..", import.meta.url));
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-setup-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function setup(parameters: readonly string[], environment: Record<string, string> = {}, root = repository) {
  const child = spawn(process.execPath, [join(root, "scripts/setup.mjs"), ...parameters], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code: child.exitCode, stdout, stderr };
}

test("the command runs under the project's Node, and its exit code is handed on", async () => {
  const { code, stdout } = await setup(["--no-build", "--no-envoy", "node", "--eval", "process.exitCode = 7"]);
  expect(code).toBe(7);
  expect(stdout).toBe("");
  const node = await setup(["--no-build", "--no-envoy", "sh", "-c", "command -v node"]);
  expect(node.stdout.trim()).toBe(join(repository, "node_modules/.bin/node"));
});

test("a command that a signal ends, and one that does not exist, have exit codes of their own", async () => {
  expect((await setup(["--no-build", "--no-envoy", "sh", "-c", "kill -TERM $$"])).code).toBe(143);
  const { code, stderr } = await setup(["--no-build", "--no-envoy", "no-such-command"]);
  expect(code).toBe(3);
  expect(stderr).toContain("no-such-command cannot be started");
});

test("an unknown option is a usage error", async () => {
  const { code, stderr } = await setup(["--no-biuld"]);
  expect(code).toBe(2);
  expect(stderr).toContain("Usage: node scripts/setup.mjs");
});

test("ENVOY_BIN is taken, handed on, and must be runnable", async () => {
  const good = await setup(["--no-build", "sh", "-c", "echo $ENVOY_BIN"], { ENVOY_BIN: process.execPath, MESHWRIGHT_ENVOY_VERSION: "" });
  expect(good).toMatchObject({ code: 0, stdout: `${process.execPath}\n`, stderr: "" });
  const bad = await setup(["--no-build"], { ENVOY_BIN: join(folder, "none") });
  expect(bad.code).toBe(3);
  expect(bad.stderr).toContain("is no file that can be run");
});

test("no Envoy and no network is one message, exit code 3, and MESHWRIGHT_NO_ENVOY goes on without", async () => {
  const bare = { ENVOY_BIN: "", MESHWRIGHT_NO_ENVOY: "", MESHWRIGHT_CACHE: join(folder, "cache"), PATH: join(folder, "bin") };
  const { code, stderr } = await setup(["--no-build", "true"], bare);
  expect(code).toBe(3);
  expect(stderr).toContain("Ways to provide one");
  expect((await setup(["--no-build"], { ...bare, MESHWRIGHT_NO_ENVOY: "1" })).code).toBe(0);
});

test("a fresh clone installs packages with npm ci first, and says so where that fails", async () => {
  for (const path of ["scripts/setup.mjs", "scripts/setup", "harness/envoy/release", "package-lock.json"]) {
    await cp(join(repository, path), join(folder, path), { recursive: true });
  }
  await mkdir(join(folder, "bin"));
  await symlink(process.execPath, join(folder, "bin/node"));
  await writeFile(join(folder, "bin/npm"), '#!/bin/sh\necho "npm $*"\nexit 4\n', { mode: 0o755 });
  const { code, stderr } = await setup(["--no-envoy", "true"], { PATH: join(folder, "bin") }, folder);
  expect(code).toBe(3);
  expect(stderr).toMatch(/set-up: installing packages, because they are not installed\nnpm ci .*\nset-up failed: .*exit code 4/);
});

test("installed packages are compared with the lock file", async () => {
  const lock = (packages: Record<string, { version: string; optional?: boolean }>) => JSON.stringify({ packages });
  await writeFile(
    join(folder, "package-lock.json"),
    lock({ "node_modules/a": { version: "1.0.0" }, "node_modules/a/node_modules/for-windows": { version: "3.0.0", optional: true } }),
  );
  expect(stalePackages(folder)).toBe("they are not installed");
  await mkdir(join(folder, "node_modules/node/bin"), { recursive: true });
  const installed = join(folder, "node_modules/.package-lock.json");
  await writeFile(installed, lock({ "node_modules/a": { version: "0.9.0" } }));
  expect(stalePackages(folder)).toBe("a is 0.9.0 instead of 1.0.0");
  await writeFile(installed, lock({ "node_modules/a": { version: "1.0.0" } }));
  expect(stalePackages(folder)).toBe("the binary of the package node is missing");
  await writeFile(join(folder, "node_modules/node/bin/node"), "");
  expect(stalePackages(folder)).toBeUndefined();
  await writeFile(installed, '{"packages": {"node_mod');
  expect(stalePackages(folder)).toBe("they are not installed");
});

test("what a build reads counts, by name and content; tests do not", async () => {
  await mkdir(join(folder, "filters/a"), { recursive: true });
  await mkdir(join(folder, "dist"));
  await writeFile(join(folder, "filters/a/index.ts"), "1");
  expect(isBuilt(folder)).toBe(false);
  await writeFile(join(folder, STAMP), buildInputs(folder));
  expect(isBuilt(folder)).toBe(true);
  await writeFile(join(folder, "filters/a/index.test.ts"), "a test");
  await writeFile(join(folder, "filters/a/README.md"), "a page");
  expect(isBuilt(folder)).toBe(true);
  await writeFile(join(folder, "filters/a/index.ts"), "2");
  expect(isBuilt(folder)).toBe(false);
  await writeFile(join(folder, "filters/a/index.ts"), "1");
  expect(isBuilt(folder)).toBe(true);
  await writeFile(join(folder, "filters/a/other.ts"), "");
  expect(isBuilt(folder)).toBe(false);
});

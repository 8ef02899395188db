import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { build, REPOSITORY, run } from "../foreign/build.ts";
import { rust } from "../foreign/rust.ts";

// What docs/testing-a-filter.md says, from an empty folder: its files and its commands, as they stand there.

const page = await readFile(join(REPOSITORY, "docs/testing-a-filter.md"), "utf8");
const FILES = { "Cargo.toml": "toml", "src/lib.rs": "rust", "hello.test.ts": "ts" } as const;
const commands = blocks("sh").flatMap((block) => block.trim().split("\n"));
/** Seen in test/integration/package.test.ts. */
const INSTALL = "npm install --save-dev meshwright vitest";

let folder: string;
let missing: string | undefined;

function blocks(language: string): string[] {
  return [...page.matchAll(/^```(\w+)\n([^]*?)^```/gm)].flatMap(([, of, block = ""]) => (of === language ? [block] : []));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "testing-a-filter-"));
  const crates = await build(rust);
  if ("missing" in crates) return void (missing = crates.missing);
  for (const [file, language] of Object.entries(FILES)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), blocks(language)[0] ?? "");
  }
  // Crates come from where those of the other module of this language are.
  await mkdir(join(folder, ".cargo"));
  const vendored = join(REPOSITORY, ".cache/foreign/rust/vendor");
  const config = `[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = ${JSON.stringify(vendored)}\n[net]\noffline = true\n`;
  await writeFile(join(folder, ".cargo/config.toml"), config);
  await mkdir(join(folder, "node_modules/.bin"), { recursive: true });
  await symlink(REPOSITORY, join(folder, "node_modules/meshwright"));
  await symlink(join(REPOSITORY, "node_modules/vitest"), join(folder, "node_modules/vitest"));
  await symlink(join(REPOSITORY, "node_modules/.bin/vitest"), join(folder, "node_modules/.bin/vitest"));
  const command = `#!/bin/sh\nexec ${JSON.stringify(process.execPath)} ${JSON.stringify(join(REPOSITORY, "cli/main.ts"))} "$@"\n`;
  await writeFile(join(folder, "node_modules/.bin/meshwright"), command, { mode: 0o755 });
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "hello", private: true, type: "module" }));
}, 180_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

test("shows what it takes to follow it", () => {
  expect(commands).toContain(INSTALL);
  expect(commands.length).toBeGreaterThanOrEqual(7);
});

test("every command of the page, one after the other", { timeout: 240_000 }, async (context) => {
  await requireTarget(envoyTarget, context);
  if (missing !== undefined) return context.skip(missing);
  const { VITEST: _, NODE_ENV: __, VITEST_POOL_ID: ___, ...env } = process.env;
  const outputs = new Map<string, string>();
  for (const command of commands) {
    if (command === INSTALL) continue;
    // The crates' newest versions ask for a newer compiler than they need.
    const line = command.startsWith("cargo ") ? `${command} --ignore-rust-version` : command;
    outputs.set(command, await run("sh", ["-c", line], { cwd: folder, env: { ...env, NO_COLOR: "1", ...(await toolchain()) } }));
  }
  const output = (start: string) => [...outputs].find(([command]) => command.includes(start))?.[1] ?? "";
  expect(output("meshwright inspect")).toContain("proxy-wasm");
  expect(output("meshwright try")).toContain('"status":403');
  expect(output("meshwright trace")).toContain("x-hello");
  expect(output("vitest run")).toMatch(/Tests {2}4 passed/);
  expect(output("meshwright fuzz")).toContain("requests in");
  expect(output("meshwright profile")).toContain("proxy_replace_header_map_value");
});

/** This Node, then the compiler that has the target. */
async function toolchain(): Promise<NodeJS.ProcessEnv> {
  const found = await rust.toolchain.find();
  const bin = dirname(found?.command ?? "");
  return { RUSTC: found?.command ?? "rustc", PATH: `${dirname(process.execPath)}:${bin}:${process.env["PATH"] ?? ""}` };
}

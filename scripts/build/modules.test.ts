import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildModules, findModules, type Digests } from "./modules.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;
let digests: Digests = {};

const ENTRY = `
  import "../sdk/abi/abort";
  @external("env", "proxy_log") declare function proxy_log(level: u32, message: usize, size: usize): u32;
  export function malloc(size: usize): usize { return 0; }
  export function proxy_abi_version_0_2_1(): void {}
  export function proxy_on_context_create(id: u32, parent: u32): void { proxy_log(1, 0, 0); }
  export function proxy_on_vm_start(id: u32, size: u32): u32 { return 1; }
  export function proxy_on_configure(id: u32, size: u32): u32 { return 1; }
`;

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}
const manifest = (capabilities: readonly string[]) => JSON.stringify({ name: "a", description: "a filter", capabilities });

async function build() {
  const built: string[] = [];
  const { digests: after, failures } = await buildModules(folder, digests, (line) => void built.push(line.split("  ")[0] ?? ""));
  digests = after;
  return { built, failures };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-modules-"));
  await symlink(join(repository, "node_modules"), join(folder, "node_modules"));
  await symlink(join(repository, "asconfig.json"), join(folder, "asconfig.json"));
  await write("filters/sdk/abi/abort.ts", "export function abort(a: usize, b: usize, line: u32, column: u32): void { unreachable(); }");
  await write("filters/lib/index.ts", "");
  await write("filters/a/index.ts", `import "../lib";\n${ENTRY}`);
  await write("filters/a/manifest.json", manifest(["proxy_log"]));
  await write("filters/a/a.schema.json", "{}");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a folder with a manifest becomes a module, a manifest and a schema; a second build does nothing", { timeout: 60_000 }, async () => {
  expect((await findModules(folder)).map(({ output }) => output)).toEqual(["dist/filters/a"]);
  expect(await build()).toEqual({ built: ["dist/filters/a.wasm"], failures: [] });
  expect(WebAssembly.validate(await readFile(join(folder, "dist/filters/a.wasm")))).toBe(true);
  expect(await readFile(join(folder, "dist/filters/a.manifest.json"), "utf8")).toBe(manifest(["proxy_log"]));
  expect(await readFile(join(folder, "dist/filters/a.schema.json"), "utf8")).toBe("{}");
  expect(await build()).toEqual({ built: [], failures: [] });
  await rm(join(folder, "dist/filters/a.wasm"));
  expect((await build()).built).toEqual(["dist/filters/a.wasm"]);
});

test("what a module shares with others makes it anew, a test does not", { timeout: 60_000 }, async () => {
  await write("filters/a/a.test.ts", "a test");
  expect((await build()).built).toEqual([]);
  await write("filters/lib/index.ts", "// changed");
  expect((await build()).built).toEqual(["dist/filters/a.wasm"]);
});

test("a module that fails its check leaves the good one in place, and is tried again", { timeout: 60_000 }, async () => {
  const good = await readFile(join(folder, "dist/filters/a.wasm"));
  await write("filters/a/manifest.json", manifest([]));
  const { failures } = await build();
  expect(failures.join("\n")).toContain("imports proxy_log, which its manifest's capabilities lack");
  expect(failures.join("\n")).toContain('["proxy_log"]');
  expect(await readFile(join(folder, "dist/filters/a.wasm"))).toEqual(good);
  expect((await build()).failures).toEqual(failures);
  await write("filters/a/index.ts", `${ENTRY} wrong`);
  expect((await build()).failures.join("\n")).toMatch(/filters\/a\/index\.ts does not compile:[^]*wrong/);
});

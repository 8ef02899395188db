import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";

// What a user outside of the repository gets: the packed package, installed in an empty project. Registry access is that of `npm ci` in the set-up.

const repository = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);
let project: string;
let installed: string;
let archive: string;

/** A shell in which the project's Node comes first, and which does not know that it runs in a test. */
function environment(): NodeJS.ProcessEnv {
  const { VITEST: _, NODE_ENV: __, ...rest } = process.env;
  return { ...rest, PATH: `${join(repository, "node_modules/.bin")}:${process.env["PATH"] ?? ""}` };
}

async function inProject(command: string, ...parameters: string[]) {
  return run(command, parameters, { cwd: project, env: environment(), timeout: 120_000 });
}

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "meshwright-package-"));
  // The build that the set-up made stands in for that of `prepack`, which would take away what other tests use.
  const { stdout } = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", project], { cwd: repository });
  const [packed] = JSON.parse(stdout) as [{ filename: string }];
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "elsewhere", private: true, type: "module" }));
  archive = packed.filename;
  await inProject("npm", "install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error", `./${archive}`);
  installed = join(project, "node_modules/meshwright");
}, 180_000);
afterAll(() => rm(project, { recursive: true, force: true }));

test("the package holds what it promises, and no tests", async () => {
  const files = await readdir(installed, { recursive: true });
  for (const file of [
    "LICENSE",
    "NOTICE",
    "README.md",
    "dist/filters/routing.wasm",
    "dist/filters/routing.schema.json",
    "dist/filters/routing.manifest.json",
  ]) {
    expect(files).toContain(file);
  }
  expect(files.filter((file) => /\.(test|scenarios|vectors)\.|^(scripts|test)\/|^dist\/bench|^dist\/\.inputs/.test(file))).toEqual([]);
});

test("no module of the package asks for a source", async () => {
  const files = (await readdir(join(installed, "dist"), { recursive: true })).filter(
    (file) => file.endsWith(".js") && !file.startsWith("cli/new-filter/"),
  );
  const asking: string[] = [];
  for (const file of files)
    if (/(?:from|import\() ?"\.[^"]*\.ts"/.test(await readFile(join(installed, "dist", file), "utf8"))) asking.push(file);
  expect(asking).toEqual([]);
});

test("an installation is light: no test runner, container client, compiler or binary", async () => {
  const packages = await readdir(join(project, "node_modules"));
  for (const absent of ["vitest", "testcontainers", "assemblyscript", "typescript", "node"]) expect(packages).not.toContain(absent);
});

test("what the package exports can be imported, and names files that exist", async () => {
  const script = `
    import { filterNames, filterFiles, readFilterManifest } from "meshwright/filters";
    import * as root from "meshwright";
    await import("meshwright/harness");
    console.log(JSON.stringify({ names: filterNames(), files: filterFiles("routing"), manifest: readFilterManifest("routing"), root: Object.keys(root) }));`;
  const { stdout } = await inProject("node", "--input-type=module", "--eval", script);
  const { names, files, manifest, root } = JSON.parse(stdout) as {
    names: string[];
    files: Record<string, string>;
    manifest: { name: string };
    root: string[];
  };
  expect(names).toContain("routing");
  expect(manifest.name).toBe("routing");
  expect(root).toEqual(expect.arrayContaining(["ControlService", "DirectorySource", "XdsListener"]));
  for (const path of [files["module"], files["manifest"], files["schema"]]) expect(existsSync(path ?? "")).toBe(true);
});

test("every path in `exports` and `bin` is there", async () => {
  const { exports, bin } = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as {
    exports: Record<string, string | Record<string, string>>;
    bin: Record<string, string>;
  };
  const paths = [
    ...Object.values(bin),
    ...Object.values(exports).flatMap((entry) => (typeof entry === "string" ? [entry] : Object.values(entry))),
  ];
  const missing = paths.filter((path) => !path.includes("*") && !existsSync(join(installed, path)));
  expect(missing).toEqual([]);
});

test("a filter compiles against the installed SDK and asconfig.json", async () => {
  await mkdir(join(project, "filters/first"), { recursive: true });
  await writeFile(join(project, "asconfig.json"), JSON.stringify({ extends: "meshwright/filters/sdk/asconfig.json" }));
  await writeFile(
    join(project, "filters/first/index.ts"),
    `export * from "meshwright/filters/sdk/exports/stateless";
     export * from "meshwright/filters/sdk/exports/request-headers";
     import { Bytes, HeaderMap, HeadersAction, HttpStream, register, Root, Stream, Text } from "meshwright/filters/sdk";
     const NAME = Text.of("x-first");
     const VALUE = Text.of("1");
     class FirstStream extends HttpStream {
       onRequestHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
         headers.set(NAME.bytes, VALUE.bytes);
         return HeadersAction.Continue;
       }
     }
     class FirstRoot extends Root {
       configure(configuration: Bytes): string | null { return null; }
       createStream(): Stream { return new FirstStream(); }
     }
     register("first", () => new FirstRoot());`,
  );
  await inProject("asc", "filters/first/index.ts", "--config", "asconfig.json", "--outFile", "first.wasm");
  const module = new WebAssembly.Module(await readFile(join(project, "first.wasm")));
  expect(WebAssembly.Module.exports(module).map(({ name }) => name)).toContain("proxy_on_request_headers");
  expect(WebAssembly.Module.imports(module).map(({ name }) => name)).not.toContain("abort");
});

test("`new filter` lays down a folder that builds, and passes its tests on both targets", { timeout: 240_000 }, async (context) => {
  await requireTarget(envoyTarget, context);
  await inProject("npx", "--no-install", "meshwright", "new", "filter", "header-guard");
  const folder = join(project, "header-guard");
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { devDependencies: Record<string, string> };
  // The version that is published stands there; what was packed just now takes its place.
  const devDependencies = { ...manifest.devDependencies, meshwright: `file:../${archive}` };
  await writeFile(join(folder, "package.json"), JSON.stringify({ ...manifest, devDependencies }));
  const inFolder = { cwd: folder, env: environment(), timeout: 200_000 };
  await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"], inFolder);
  const { stdout } = await run("npm", ["test"], { ...inFolder, env: { ...environment(), NO_COLOR: "1" } });
  expect(stdout).toMatch(/Tests {2}\d+ passed \(\d+\)/);
  expect(stdout).not.toContain("skipped");
});

test("the command shows its usage", async () => {
  const { stdout } = await inProject("npx", "--no-install", "meshwright", "--help");
  expect(stdout).toContain("Usage: meshwright");
});

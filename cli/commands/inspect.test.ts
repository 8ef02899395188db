import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { bootstrap, envoyTarget } from "../../harness/index.ts";
import { binaryProvider } from "../../harness/envoy/index.ts";
import { scriptedFilter } from "../../harness/host/testing/scripted-filter.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { meshwright } from "../testing/run.ts";

const ROUTING = fileURLToPath(new URL("../../filters/routing/examples/config.json", import.meta.url));

/** The least that Envoy takes for a module, and more behind it. */
const module = (more: string) => `(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  ${more})`;
const headers = (body: string) => `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${body} (i32.const 0))`;

const MODULES: Readonly<Record<string, string>> = {
  "good.wasm": module(headers("")),
  "no-abi.wasm": '(module (memory (export "memory") 1))',
  "no-memory.wasm":
    '(module (memory 1) (func (export "proxy_abi_version_0_2_1")) (func (export "malloc") (param i32) (result i32) (i32.const 0)))',
  "imports.wasm": `(module (import "env" "proxy_fly" (func)) (import "env" "abort" (func (param i32 i32 i32 i32))) ${module("").slice("(module".length)}`,
  "misspelt.wasm": module('(func (export "proxy_on_request_header") (param i32 i32 i32) (result i32) (i32.const 0))'),
  "signature.wasm": module('(func (export "proxy_on_request_headers") (param i32) (result i32) (i32.const 0))'),
  "loops-at-start.wasm": module(`${headers("")} (func (export "_initialize") (loop $l (br $l)))`),
  "abi-0.3.0.wasm": module("").replace("0_2_1", "0_3_0"),
  "memory.wasm": module(headers("")).replace('"memory") 1', '"memory") 65536'),
  "hog.wasm": module(`${headers("")} (func (export "_initialize") (drop (memory.grow (i32.const 65000))) (unreachable))`),
};

let folder: string;
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-inspect-"));
  const { default: binaryen } = await import("binaryen");
  for (const [name, source] of Object.entries(MODULES)) await writeFile(file(name), binaryen.parseText(source).emitBinary());
  const good = await readFile(file("good.wasm"));
  await writeFile(file("cut.wasm"), good.subarray(0, good.length - 3));
  await writeFile(file("empty.wasm"), "");
  await writeFile(file("text.wasm"), "<html>not found</html>");
  await writeFile(file("component.wasm"), Buffer.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What an Envoy with the filter of a snippet, and nothing behind it, answers. */
async function answer(snippet: unknown): Promise<number> {
  const filter = snippet as bootstrap.Extension;
  const routes = [{ match: { prefix: "/" }, direct_response: { status: 204 } }];
  const manager = bootstrap.connectionManager({ stat_prefix: "http" }, [filter], [{ name: "all", domains: ["*"], routes }]);
  await using envoy = await binaryProvider.start({
    static_resources: { listeners: [bootstrap.listener("main", [{ filters: [manager] }])], clusters: [] },
  });
  const { host, port } = envoy.address("main");
  return (await fetch(`http://${host}:${port}/`, { headers: { "x-user": "ann-beta" } })).status;
}

describe("a good module", () => {
  test("is described, and loads in Envoy with no more than the capabilities of the snippet", async (context) => {
    await requireTarget(envoyTarget, context);
    const { code, output, errors } = await meshwright(["inspect", "routing", "--config", ROUTING, "--output", "json"]);
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    const report = JSON.parse(output) as { capabilities: string[]; snippets: { envoy: string; istio: string } };
    expect(report).toMatchObject({ abi: "0.2.1", language: "AssemblyScript", loads: true, problems: [], memory: { initial: 65_536 } });
    expect(report.capabilities).toEqual(
      expect.arrayContaining(["proxy_on_request_headers", "proxy_get_header_map_pairs", "clock_time_get"]),
    );
    expect(report.capabilities).not.toContain("malloc");
    expect(await answer(parse(report.snippets.envoy))).toBe(204);
    // What Istio would insert is the same filter, with the module where it is mounted.
    const patch = parse(report.snippets.istio) as { spec: { configPatches: [{ patch: { value: unknown } }] } };
    const inserted = JSON.stringify(patch.spec.configPatches[0].patch.value).replaceAll("/var/lib/wasm/routing.wasm", "PATH");
    const { path } = /filename: (?<path>.*)/.exec(report.snippets.envoy)?.groups ?? {};
    expect(JSON.parse(inserted)).toEqual(JSON.parse(JSON.stringify(parse(report.snippets.envoy)).replaceAll(path ?? "", "PATH")));
  });

  test("that uses every hostcall may use them with what the snippet allows", async (context) => {
    await requireTarget(envoyTarget, context);
    const { code, output } = await meshwright(["inspect", await scriptedFilter(), "--snippet", "envoy"]);
    expect(code).toBe(0);
    expect(await answer(parse(output))).toBe(204);
  });

  test("has a name that Kubernetes takes, whatever its file is called, and a WasmPlugin only gets a configuration that is an object", async () => {
    const named = file("My_filter v2.wasm");
    await copyFile(file("good.wasm"), named);
    await writeFile(file("list.json"), "[1]");
    const { output } = await meshwright(["inspect", named, "--config", file("list.json"), "--output", "json"]);
    const { istio, envoy } = (JSON.parse(output) as { snippets: { istio: string; envoy: string } }).snippets;
    expect(parse(istio)).toMatchObject({ metadata: { name: "my-filter-v2" } });
    expect(parse(envoy)).toMatchObject({ name: "My_filter v2" });
    expect(istio).toContain("#   name: my-filter-v2\n");
    expect(istio).not.toContain("pluginConfig: ");
    expect(istio).toContain("# It cannot hand over this configuration either: pluginConfig is an object");
    await writeFile(file("snippet.yaml"), istio);
    expect((await meshwright(["validate", file("snippet.yaml")])).output).not.toContain("MW0004");
  });

  test("that is refused without a configuration says so, and that there is --config", async () => {
    const { code, output } = await meshwright(["inspect", "routing"]);
    expect(code).toBe(0);
    expect(output).toMatch(/warning does-not-load: .*no configuration.*name its configuration with --config/s);
  });
});

describe("a bad module", () => {
  test.each<[string, RegExp]>([
    ["no-abi.wasm", /error missing-abi: .*finds none: export one of proxy_abi_version_0_1_0, .*\n.*error missing-export: /],
    ["abi-0.3.0.wasm", /error missing-abi: .*finds proxy_abi_version_0_3_0, which it does not know: export one of /],
    ["memory.wasm", /error memory-limit: Envoy gives a module 1024 MiB of memory at most, and this one begins with 4096 MiB/],
    ["no-memory.wasm", /error missing-memory: .*SIGSEGV at the first request/],
    ["imports.wasm", /error missing-import: Envoy has no env\.proxy_fly for ABI 0\.2\.1\.\n.*env\.abort.*--use abort=/],
    ["signature.wasm", /error bad-signature: proxy_on_request_headers is exported as i32 -> i32; Envoy wants i32 i32 i32 -> i32/],
    ["loops-at-start.wasm", /error does-not-load: loading the chain ran longer than 5000 ms/],
    ["hog.wasm", /error does-not-load: .*Failed to initialize Wasm code.*unreachable/],
  ])("%s is told why, and the exit code is 1", async (name, message) => {
    const { code, output } = await meshwright(["inspect", file(name)]);
    expect(output).toMatch(message);
    expect(code).toBe(1);
  });

  test("that only does nothing is a warning", async () => {
    const { code, output } = await meshwright(["inspect", file("misspelt.wasm")]);
    expect(output).toContain("warning unknown-callback: Envoy never calls proxy_on_request_header: it is no callback of the ABI");
    expect(output).toContain("warning no-callback");
    expect(code).toBe(0);
  });
});

describe("what is no module", () => {
  test.each<[string, RegExp]>([
    ["cut.wasm", /the module is cut off, damaged, or more than the engine takes: /],
    ["empty.wasm", /the file is empty: /],
    ["text.wasm", /the file is text, no WebAssembly: /],
    ["component.wasm", /the file is a WebAssembly component, which Envoy does not load/],
    ["none.wasm", /there is no such file/],
    [".", /there is no such filter|is no file/],
  ])("%s is named for what it is", async (name, message) => {
    const { code, errors } = await meshwright(["inspect", file(name)]);
    expect(errors).toMatch(message);
    expect(code).toBe(1);
  });
});

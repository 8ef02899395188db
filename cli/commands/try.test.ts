import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { meshwright } from "../testing/run.ts";

const routing = fileURLToPath(new URL("../../filters/routing/examples/config.json", import.meta.url));
const TRY_ROUTING = ["try", "--filter", "routing", "--config", routing];

/** The least that Envoy takes for a module, and more exports behind it. */
const module = (more: string) => `(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  ${more})`;

const MODULES: Readonly<Record<string, string>> = {
  "loops.wasm": module('(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (loop $l (br $l)) (i32.const 0))'),
  "loops-at-start.wasm": module('(func (export "_initialize") (loop $l (br $l)))'),
  "traps.wasm": module('(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (unreachable))'),
  "traps-at-start.wasm": module('(func (export "_initialize") (unreachable))'),
  "no-malloc.wasm": '(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")))',
  "no-abi.wasm": '(module (memory (export "memory") 1))',
  "wrong-import.wasm":
    '(module (import "env" "proxy_fly" (func)) (memory (export "memory") 1) (func (export "malloc") (param i32) (result i32) (i32.const 1024)) (func (export "proxy_abi_version_0_2_1")))',
};

let folder: string;
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-try-"));
  const { default: binaryen } = await import("binaryen");
  for (const [name, source] of Object.entries(MODULES)) await writeFile(file(name), binaryen.parseText(source).emitBinary());
  await writeFile(file("text.wasm"), "no wasm at all");
  await writeFile(file("format.wasm"), "(module)");
  await writeFile(file("empty.wasm"), "");
  await writeFile(file("cut.wasm"), (await readFile(file("traps.wasm"))).subarray(0, 40));
  await mkdir(file("folder.wasm"));
  await symlink("/dev/zero", file("endless.wasm"));
  execFileSync("mkfifo", [file("pipe.wasm")]);
  await writeFile(file("not.json"), '{"rules": [');
  await writeFile(file("refused.json"), '{"rules": [{"name": "a", "match": {"uri": {"regex": "("}}, "rute": "x"}]}');
  await writeFile(file("not-utf8.json"), Buffer.from([0x7b, 0xff, 0x7d]));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(["node", "envoy"])("on %s", (host) => {
  test("answers what the filter calls with the files of --cluster; without one the filter says that the call failed", async (context) => {
    if (host === "envoy") await requireTarget(envoyTarget, context);
    const examples = fileURLToPath(new URL("../../filters/authentication/examples", import.meta.url));
    const command = [
      "try",
      "--filter",
      "authentication",
      "--config",
      `${examples}/remote.json`,
      "--host",
      host,
      `${examples}/requests.jsonl`,
    ];
    const statuses = (output: string) =>
      output
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { status: number }).status);
    const answered = await meshwright([...command, "--cluster", `issuer=${examples}/keys.jwks`]);
    expect([answered.code, answered.errors, statuses(answered.output)]).toEqual([0, "", [200, 401, 200, 401]]);
    const alone = await meshwright(command);
    expect([alone.code, statuses(alone.output)]).toEqual([0, [401, 401, 200, 401]]);
    expect(alone.errors).toMatch(
      /^warn: key set of https:\/\/issuer\.example\.com\/\.well-known\/jwks\.json not fetched: cluster issuer cannot be called; /,
    );
  });

  test("prints a result for each request, in their order", async (context) => {
    if (host === "envoy") await requireTarget(envoyTarget, context);
    const input = [
      { id: "beta", path: "/reviews/1", headers: [["x-user", "ann-beta"]] },
      { id: "moved", path: "/old/1" },
      { id: "rest", method: "POST", path: "/x", body: { base64: "/w==" }, response: { status: 404, body: "gone" } },
    ];
    const { code, output, errors } = await meshwright([...TRY_ROUTING, "--host", host, "-"], {
      input: input.map((line) => JSON.stringify(line)).join("\n"),
    });
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    const results = output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(results).toMatchObject([
      {
        id: "beta",
        outcome: "forward",
        status: 200,
        decisions: [{ filter: "routing", rule: "beta users", result: "route", reason: "v2" }],
      },
      { id: "moved", outcome: "respond", status: 301, details: "routing_redirect" },
      { id: "rest", outcome: "forward", status: 404, request: { method: "POST", body: { base64: "/w==" } }, response: { body: "gone" } },
    ]);
  });
});

describe("the result", () => {
  const input = '{"id":"a","path":"/reviews","headers":[["x-user","ann-beta"]]}';

  test("has the decisions as text where they are to be explained", async () => {
    const { output } = await meshwright([...TRY_ROUTING, "--explain", "-"], { input });
    expect(JSON.parse(output)).toMatchObject({ explanation: ['routing: rule "beta users": route, v2'] });
  });

  test("is YAML, or a line", async () => {
    expect((await meshwright([...TRY_ROUTING, "--output", "yaml", "-"], { input })).output).toMatch(/^---\nid: a\noutcome: forward\n/);
    const { output } = await meshwright([...TRY_ROUTING, "--output", "text", "--explain", "-"], { input });
    expect(output).toBe('a: forward 200 (via_upstream), route default, cluster upstream\n  routing: rule "beta users": route, v2\n');
  });
});

describe("a bad line", () => {
  test("is told in its place, and the others go on", async () => {
    const { code, output } = await meshwright([...TRY_ROUTING, "-"], {
      input: '{"path":"/"}\n{"id":"b","path":"/","metod":"GET"}\n{"path":"/"}',
    });
    expect(code).toBe(1);
    const results = output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(results.map(({ outcome }) => outcome)).toEqual(["forward", undefined, "forward"]);
    expect(results[1]).toEqual({ id: "b", error: "standard input:2: metod: unknown field; did you mean method?" });
  });

  test("that is no UTF-8 is told in its place too", async () => {
    const input = Buffer.concat([Buffer.from('{"path":"/a"}\n'), Buffer.of(0xff), Buffer.from('\n{"path":"/b"}\n')]);
    const { code, output } = await meshwright([...TRY_ROUTING, "-"], { input });
    expect(code).toBe(1);
    const results = output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(results).toMatchObject([{ outcome: "forward" }, { error: "standard input:2: not UTF-8" }, { outcome: "forward" }]);
  });

  test("no request at all", async () => {
    const { code, errors } = await meshwright([...TRY_ROUTING, "-"], { input: "\n\n" });
    expect(code).toBe(1);
    expect(errors).toContain('standard input: holds no request; a line is {"path": "/"}');
  });
});

describe("what Envoy does not take", () => {
  test.for([
    ["a module that is no wasm", ["--filter", "text.wasm"], "text.wasm: the file is text, no WebAssembly"],
    ["a module that is empty", ["--filter", "empty.wasm"], "empty.wasm: the file is empty"],
    ["a module that is a folder", ["--filter", "folder.wasm"], "folder.wasm: is no file; name the module itself"],
    ["a module that is cut off", ["--filter", "cut.wasm"], "corrupted Wasm module"],
    ["a module without malloc", ["--filter", "no-malloc.wasm"], "missing malloc function"],
    ["a module that imports what Envoy lacks", ["--filter", "wrong-import.wasm"], "env.proxy_fly"],
    ["a module that traps at its start", ["--filter", "traps-at-start.wasm"], "_initialize failed: Uncaught RuntimeError: unreachable"],
    ["a configuration that the filter refuses", ["--filter", "routing", "--config", "refused.json"], "rules[0].rute: unknown field"],
  ] as const)("%s", async ([, parameters, message], context) => {
    await requireTarget(envoyTarget, context);
    const all = ["try", ...parameters, "--host", "envoy", "-"];
    const { code, output, errors } = await meshwright(all, { input: '{"path":"/"}', cwd: folder });
    expect({ code, output }).toEqual({ code: 1, output: "" });
    expect(errors).toContain(message);
  });
});

describe("what cannot run", () => {
  test.each([
    ["an unknown filter", ["--filter", "rooting"], "rooting: there is no such filter; did you mean routing?"],
    ["a module that is not there", ["--filter", "none.wasm"], "none.wasm: there is no such file"],
    ["a module that is no wasm", ["--filter", "text.wasm"], "text.wasm: the file is text, no WebAssembly"],
    ["a module in the text format", ["--filter", "format.wasm"], "the file is WebAssembly's text format; assemble it first"],
    ["a module that is cut off", ["--filter", "cut.wasm"], "Failed to load Wasm bytecode: the module is cut off, damaged"],
    ["a module that is a folder", ["--filter", "folder.wasm"], "folder.wasm: is no file; name the module itself"],
    ["a module that is a pipe", ["--filter", "pipe.wasm"], "pipe.wasm: is no file; name the module itself"],
    ["a module that never ends", ["--filter", "endless.wasm"], "endless.wasm: is no file; name the module itself"],
    ["a module without malloc", ["--filter", "no-malloc.wasm"], "Export malloc or proxy_on_memory_allocate"],
    ["a module without an ABI version", ["--filter", "no-abi.wasm"], "proxy_abi_version"],
    ["a module that imports what the host lacks", ["--filter", "wrong-import.wasm"], "proxy_fly"],
    ["a module that traps at its start", ["--filter", "traps-at-start.wasm"], "unreachable"],
    [
      "a configuration that never ends",
      ["--filter", "routing", "--config", "/dev/zero"],
      "/dev/zero: cannot read the configuration: it is longer than",
    ],
    ["a configuration that is not there", ["--filter", "routing", "--config", "none.json"], "none.json"],
    ["a configuration that is no JSON", ["--filter", "routing", "--config", "not.json"], "the document ends too early (line 1, column 12)"],
    [
      "a configuration that is no UTF-8",
      ["--filter", "routing", "--config", "not-utf8.json"],
      "not JSON: unexpected character (line 1, column 2)",
    ],
    ["a configuration that the filter refuses", ["--filter", "routing", "--config", "refused.json"], "rules[0].rute: unknown field"],
  ])("%s", async (_, parameters, message) => {
    const { code, output, errors } = await meshwright(["try", ...parameters, "-"], { input: '{"path":"/"}', cwd: folder });
    expect({ code, output }).toEqual({ code: 1, output: "" });
    expect(errors).toContain("error: ");
    expect(errors).toContain(message);
    expect(errors).not.toMatch(/\n\s+at /);
  });

  test("a module that loops for ever is ended", async () => {
    const started = await meshwright(["try", "--filter", "loops-at-start.wasm", "-"], { input: '{"path":"/"}', cwd: folder });
    expect(started.code).toBe(1);
    expect(started.errors).toContain("does a module loop for ever?");
    const asked = await meshwright(["try", "--filter", "loops.wasm", "-"], { input: '{"path":"/a"}\n{"path":"/b"}', cwd: folder });
    expect(asked.code).toBe(1);
    expect(asked.output.trim().split("\n")).toHaveLength(2);
    expect(asked.output).toContain("does a module loop for ever?");
  });

  test.for(["node", "envoy"])("a module that traps answers as Envoy would, closed, and is told: %s", async (host, context) => {
    if (host === "envoy") await requireTarget(envoyTarget, context);
    const parameters = ["try", "--filter", "traps.wasm", "--host", host, "-"];
    const { code, output, errors } = await meshwright(parameters, { input: '\n{"path":"/"}', cwd: folder });
    expect(JSON.parse(output)).toMatchObject({ outcome: "respond", status: 503, details: "wasm_fail_stream" });
    expect(errors).toContain("error: standard input:2: a callback of traps.wasm trapped (wasm_fail_stream)");
    expect(code).toBe(1);
  });

  test("no Envoy on this machine: exit code 3, and the ways to provide one", async () => {
    const env = { ENVOY_BIN: file("none"), MESHWRIGHT_CACHE: file("cache") };
    const { code, errors } = await meshwright([...TRY_ROUTING, "--host", "envoy", "-"], { input: '{"path":"/"}', env });
    expect(code).toBe(3);
    expect(errors).toContain("ENVOY_BIN");
    expect(existsSync(file("cache"))).toBe(false);
  });
});

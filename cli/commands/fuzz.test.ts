import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { FullDisk } from "../../harness/faults/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { meshwright } from "../testing/run.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const ROUTING = ["fuzz", "routing", "--config", join(repository, "filters/routing/examples/config.json")];
const vitest = fileURLToPath(new URL("../vitest.mjs", import.meta.resolve("vitest")));

/** Traps on every request that has a body. */
const TRAPS = `(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (unreachable)))`;

let folder: string;
beforeAll(async () => {
  // Inside of the repository, because a reproduction imports vitest.
  await mkdir(join(repository, ".cache"), { recursive: true });
  folder = await mkdtemp(join(repository, ".cache/fuzz-"));
  const { default: binaryen } = await import("binaryen");
  await writeFile(join(folder, "traps.wasm"), binaryen.parseText(TRAPS).emitBinary());
  await writeFile(join(folder, "text.wasm"), "no wasm");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a trap is found and made small; its scenario fails while the module traps; the corpus is kept", async () => {
  const options = ["--host-only", "--count", "500", "--seed", "5", "--reproduction", folder, "--corpus", join(folder, "corpus")];
  const { code, output, errors } = await meshwright(["fuzz", join(folder, "traps.wasm"), ...options]);
  expect({ code, errors }).toEqual({ code: 1, errors: "" });
  expect(output).toMatch(
    /^trap: proxy_on_request_body trapped: .*unreachable\n {2}\{(?=.*"path":"\/").{0,50}\}\nscenario: .*fuzz-traps-trap-5\.test\.ts\n/,
  );
  const again = await meshwright(["fuzz", join(folder, "traps.wasm"), ...options]);
  expect(again.code).toBe(1);

  const file = join(folder, "fuzz-traps-trap-5.test.ts");
  const entry = JSON.stringify(join(repository, "harness/vitest.ts"));
  await writeFile(file, (await readFile(file, "utf8")).replace('"meshwright/harness/vitest"', entry));
  await writeFile(join(folder, "vitest.config.mjs"), "export default { test: { reporters: ['json'] } };");
  const { VITEST: _, ...env } = process.env;
  const report = join(folder, "report.json");
  const command = [vitest, "run", "--root", folder, "--outputFile", report];
  await new Promise((resolve) => execFile(process.execPath, command, { env: { ...env, NO_COLOR: "1" } }, resolve));
  const { testResults } = JSON.parse(await readFile(report, "utf8")) as {
    testResults: [{ assertionResults: Array<{ title: string; status: string; failureMessages: string[] }> }];
  };
  const inProcess = testResults[0].assertionResults.find(({ title }) => title.endsWith("(in-process)"));
  expect(inProcess).toMatchObject({ status: "failed", failureMessages: [expect.stringContaining("wasm_fail_stream")] });
});

test("of a good filter nothing is found, in the host and in Envoy", async (context) => {
  await requireTarget(envoyTarget, context);
  const { code, output, errors } = await meshwright([
    ...ROUTING,
    "--count",
    "128",
    "--seed",
    "1",
    "--output",
    "json",
    "--reproduction",
    folder,
  ]);
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  expect(JSON.parse(output)).toMatchObject({ seed: 1, requests: 128 });
});

test.each<[string[], number, RegExp]>([
  [["fuzz", "none.wasm"], 1, /none\.wasm: there is no such file/],
  [["fuzz", "routing", "--host-only"], 1, /no configuration/],
  [[...ROUTING, "--time", "soon"], 2, /expected a duration such as 30s or 10m/],
  [[...ROUTING, "--count", "-1"], 2, /expected a whole number from 1 on/],
])("%j is refused with %d", async (parameters, expected, message) => {
  const { code, errors } = await meshwright(parameters);
  expect(errors).toMatch(message);
  expect(code).toBe(expected);
});

test.each<[string, string, RegExp]>([
  ["--corpus", "broken", /--corpus .*corpus\.jsonl:2: no JSON; mend the line, or remove the file/],
  ["--corpus", "strange", /corpus\.jsonl:1: pth: unknown field; did you mean path\?; path: is missing; mend the line/],
  ["--corpus", "text.wasm", /--corpus .*text\.wasm: EEXIST/],
  ["--reproduction", "text.wasm", /--reproduction .*text\.wasm: no scenario can be written there: EEXIST/],
])("%s %s is refused before anything runs", async (option, name, message) => {
  await writeCorpus("broken", '{"path":"/"}\n{"pa');
  await writeCorpus("strange", '{"pth":"/"}\n');
  const { code, output, errors } = await meshwright(["fuzz", join(folder, "traps.wasm"), "--host-only", option, join(folder, name)]);
  expect(errors).toMatch(message);
  expect(errors).not.toMatch(/\n\s+at /);
  expect({ code, output }).toEqual({ code: 1, output: "" });
});

test("a finding whose scenario cannot be written is printed, with the scenario", async () => {
  await mkdir(join(folder, "taken/fuzz-traps-trap-5.test.ts"), { recursive: true });
  const options = ["--host-only", "--count", "500", "--seed", "5", "--reproduction", join(folder, "taken")];
  const { code, output, errors } = await meshwright(["fuzz", join(folder, "traps.wasm"), ...options]);
  expect(output).toMatch(/^trap: proxy_on_request_body trapped/);
  expect(errors).toMatch(/--reproduction .*taken: the scenario was not written: EISDIR.*make room, or name another folder/);
  expect(errors).toContain("await run.send({");
  expect(errors).not.toMatch(/\n\s+at /);
  expect(code).toBe(1);
});

test("a corpus that cannot be written ends the run, and says so", async () => {
  await using disk = await FullDisk.start();
  await disk.fill();
  const options = ["--host-only", "--count", "50", "--seed", "5", "--corpus", join(disk.folder, "corpus")];
  const { code, errors } = await meshwright(["fuzz", ...ROUTING.slice(1), ...options], { env: disk.environment });
  expect(errors).toMatch(/--corpus .*corpus\.jsonl: cannot be written: ENOSPC.*make room, or name another folder/);
  expect(errors).not.toMatch(/\n\s+at /);
  expect(code).toBe(3);
});

async function writeCorpus(name: string, text: string): Promise<void> {
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, "corpus.jsonl"), text);
}

test("what is no module is refused as by inspect", async () => {
  const { code, errors } = await meshwright(["fuzz", join(folder, "text.wasm"), "--host-only"]);
  expect(errors).toContain("text.wasm: the file is text, no WebAssembly");
  expect(code).toBe(1);
});

test("without an Envoy the exit code is 3, and the message says what to do", async () => {
  const { code, errors } = await meshwright([...ROUTING, "--count", "1"], { env: { ENVOY_BIN: "/nowhere/envoy" } });
  expect(errors).toContain("ENVOY_BIN");
  expect(errors).toContain("--host-only");
  expect(code).toBe(3);
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { meshwright } from "../testing/run.ts";

const EXAMPLES = fileURLToPath(new URL("../../filters/routing/examples", import.meta.url));
const ROUTING = ["routing", "--config", `${EXAMPLES}/config.json`, `${EXAMPLES}/requests.jsonl`];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-trace-"));
  const { default: binaryen } = await import("binaryen");
  const traps = `(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (unreachable)))`;
  await writeFile(join(folder, "traps.wasm"), binaryen.parseText(traps).emitBinary());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a trace has the calls of each request with their prices", async () => {
  const { code, output, errors } = await meshwright(["trace", ...ROUTING]);
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  expect(output).toMatch(/^a beta user: forward 200 \(via_upstream\)$/m);
  expect(output).toMatch(
    /^ {4}proxy_replace_header_map_value\(map "RequestHeaders", name "x-meshwright-route", value "v2"\) Ok +\d+ ns {2}20 B out$/m,
  );
  expect(output).toMatch(/^ {2}5 hostcalls; \d\.\d\d µs in Envoy, without 1 that have no price$/m);
});

test("a trace as JSON is one object for each request, and one for the start", async () => {
  const { code, output } = await meshwright(["trace", ...ROUTING, "--start", "--output", "json"]);
  expect(code).toBe(0);
  const shown = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { result?: { outcome: string }; callbacks: Array<{ callback: string }> });
  expect(shown[0]?.result).toBeUndefined();
  expect(shown[0]?.callbacks.map(({ callback }) => callback)).toContain("proxy_on_configure");
  expect(shown.slice(1).map(({ result }) => result?.outcome)).toEqual(["forward", "forward", "respond"]);
});

test("without requests one is sent; a trap is shown, and makes the exit code 1", async () => {
  const { code, output } = await meshwright(["trace", join(folder, "traps.wasm")]);
  expect(output).toMatch(/^GET \/: respond 503 \(wasm_fail_stream\)\n {2}proxy_on_request_headers\(.*\) TRAPPED: .*unreachable/);
  expect(code).toBe(1);
});

test("a profile sums requests, says where time goes, and gives the outcomes", async () => {
  const { code, output, errors } = await meshwright(["profile", ...ROUTING, "--count", "300", "--output", "json"]);
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  expect(JSON.parse(output)).toMatchObject({
    requests: 300,
    outcomes: { forward: 200, respond: 100 },
    callbacks: expect.arrayContaining([expect.objectContaining({ name: "proxy_on_request_headers", calls: 300 })]),
    hostcalls: expect.arrayContaining([
      expect.objectContaining({ name: "proxy_get_header_map_pairs", calls: 300, failed: 0, allocations: 300 }),
    ]),
  });
  const text = await meshwright(["profile", ...ROUTING, "--count", "300"]);
  expect(text.output).toMatch(/^300 requests: 200 forward, 100 respond$/m);
  expect(text.output).toMatch(/^proxy_send_local_response +0\.33 .* no price$/m);
});

test.each<[string[], number, RegExp]>([
  [["trace", "none.wasm"], 1, /none\.wasm: there is no such file/],
  [["trace", "routing"], 1, /no configuration/],
  [["trace", ...ROUTING.slice(0, 3), "none.jsonl"], 1, /none\.jsonl: cannot read the requests/],
  [["profile", "routing", "--count", "0"], 2, /expected a number from 1 to/],
  [["profile", "none.wasm"], 1, /there is no such file/],
])("%j is refused with %d", async (parameters, expected, message) => {
  const { code, errors } = await meshwright(parameters);
  expect(errors).toMatch(message);
  expect(code).toBe(expected);
});

test("a line that is no request ends the command", async () => {
  const { code, errors } = await meshwright(["trace", ...ROUTING.slice(0, 3), "-"], { input: '{"path": "/"}\n{"pth": "/"}' });
  expect(errors).toContain('standard input:2: pth: unknown field "pth"'.slice(0, 22));
  expect(code).toBe(1);
});

test("requests are read as they are sent, however many will come", async () => {
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  const child = spawn(process.execPath, [main, "trace", ...ROUTING.slice(0, 3), "-"], { stdio: ["pipe", "pipe", "inherit"] });
  const closed = once(child, "close");
  child.stdin.write('{"id": "first", "path": "/"}\n');
  // Shown while the input is not at its end.
  const [shown] = (await once(child.stdout, "data")) as [Buffer];
  expect(shown.toString()).toMatch(/^first: forward 200/);
  child.stdin.end();
  child.stdout.resume();
  expect(await closed).toEqual([0, null]);
});

test("a profile reads no more requests than it sends", async () => {
  const input = `${'{"path": "/"}\n'.repeat(3)}no request`;
  const { code, errors } = await meshwright(["profile", ...ROUTING.slice(0, 3), "-", "--count", "3"], { input });
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
});

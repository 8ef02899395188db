import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import type { RequestsReport } from "../diff/requests/compare.ts";
import { meshwright } from "../testing/run.ts";

let folder: string;
const file = (name: string): string => join(folder, name);
const write = (name: string, ...lines: readonly (object | string)[]) =>
  writeFile(file(name), lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""));

const rule = (name: string, prefix: string, version: string) => ({
  name,
  match: [{ uri: { prefix } }],
  headers: { request: { set: { "x-version": version } } },
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "replay-"));
  await write("old.json", { rules: [rule("reviews", "/reviews", "v1"), rule("all", "/", "v0")] });
  await write("new.json", { rules: [rule("reviews", "/reviews", "v2"), rule("rest", "/", "v0")] });
  await write("requests.jsonl", { path: "/reviews/1" }, { path: "/reviews/2" }, "nonsense", {
    path: "/ratings",
    headers: [["x-user", "ann"]],
  });
});
afterAll(() => rm(folder, { recursive: true }));

async function replay(...parameters: readonly string[]): Promise<RequestsReport> {
  const { output, errors } = await meshwright(["replay", ...parameters, "--output", "json"]);
  expect(errors).toBe("");
  return JSON.parse(output) as RequestsReport;
}

describe.each(["node", "envoy"])("in %s", (host) => {
  test("says which requests two configurations treat differently, and why", async (context) => {
    if (host === "envoy") await requireTarget(envoyTarget, context);
    const report = await replay(
      file("requests.jsonl"),
      "--filter",
      "routing",
      "--config",
      file("new.json"),
      "--against-config",
      file("old.json"),
      "--host",
      host,
    );
    expect(report).toMatchObject({ total: 3, distinct: 3, changed: 3, broken: { count: 1, first: [{ line: 3 }] } });
    expect(report.groups.map(({ aspect, count, before, after, example }) => [aspect, count, before, after, example.line])).toEqual([
      ["changed", 2, "request header x-version", "another request header x-version", 1],
      ["decided", 1, "routing, all: route", "routing, rest: route", 4],
    ]);
  });
});

test("what one side lacks is named as that", async () => {
  await write("no-header.json", { rules: [{ ...rule("reviews", "/reviews", ""), headers: { request: { remove: ["x-version"] } } }] });
  await write("header.json", { rules: [rule("reviews", "/reviews", "v1")] });
  const groups = async (next: string, old: string) => {
    const sides = ["--filter", "routing", "--config", file(next), "--against-config", file(old)];
    return (await replay(file("requests.jsonl"), ...sides)).groups;
  };
  const [lacks, has] = ["no request header x-version", "request header x-version"];
  expect(await groups("header.json", "no-header.json")).toMatchObject([{ aspect: "changed", count: 2, before: lacks, after: has }]);
  expect(await groups("no-header.json", "header.json")).toMatchObject([{ aspect: "changed", count: 2, before: has, after: lacks }]);
});

test("a limit is reached at the same request as in the record: each is run, and in order", async () => {
  await write("requests-same.jsonl", ...Array.from({ length: 5 }, () => ({ path: "/" })));
  const limit = (tokens: number) => ({
    limits: [{ name: "all", tokenBucket: { maxTokens: tokens, tokensPerFill: tokens, fillInterval: "60s" } }],
  });
  await write("three.json", limit(3));
  await write("four.json", limit(4));
  const report = await replay(
    file("requests-same.jsonl"),
    "--filter",
    "ratelimit",
    "--config",
    file("four.json"),
    "--against-config",
    file("three.json"),
  );
  expect(report).toMatchObject({ total: 5, distinct: 5 });
  expect(report.groups).toMatchObject([
    { aspect: "allowed", count: 1, example: { line: 4, before: { status: 429 }, after: { status: 200 } } },
    { aspect: "changed" },
  ]);
});

test("Envoy's access log, with what it says of headers", async () => {
  const entry = {
    start_time: "2026-01-01T00:00:00Z",
    method: "GET",
    path: "/",
    authority: "shop",
    protocol: "HTTP/1.1",
    response_code: 200,
    tester: "ann",
  };
  await write("access.log", entry, { ...entry, tester: "-" });
  const of = (version: string) => ({
    rules: [
      { name: "tester", match: [{ headers: { "x-tester": { exact: "ann" } } }], headers: { request: { set: { "x-version": version } } } },
    ],
  });
  await write("tester-1.json", of("v1"));
  await write("tester-2.json", of("v2"));
  const sides = ["--filter", "routing", "--config", file("tester-2.json"), "--against-config", file("tester-1.json")];
  expect(await replay(file("access.log"), ...sides, "--log-header", "tester=x-tester")).toMatchObject({ total: 2, changed: 1 });
});

describe("exit codes", () => {
  const sides = () => ["--filter", "routing", "--config", file("new.json")];
  test.each<[string, number, () => readonly string[], RegExp]>([
    ["nothing to compare", 2, () => [file("requests.jsonl"), ...sides()], /both sides are the same: say with what to compare/],
    ["no such module", 1, () => [file("requests.jsonl"), ...sides(), "--against", "none.wasm"], /none\.wasm: there is no such file/],
    [
      "no such file",
      1,
      () => [file("none"), ...sides(), "--against-config", file("old.json")],
      /none: cannot read the recorded requests: there is no such file/,
    ],
    ["a folder", 1, () => [folder, ...sides(), "--against-config", file("old.json")], /it is a directory; name a file/],
    ["an empty file", 1, () => ["-", ...sides(), "--against-config", file("old.json")], /standard input: holds no request/],
    ["a pair that is none", 2, () => ["-", ...sides(), "--against-config", file("old.json"), "--log-header", "a"], /expected FIELD=HEADER/],
  ])("%s: %i", async (_, code, parameters, reason) => {
    const ended = await meshwright(["replay", ...parameters()]);
    expect(ended).toMatchObject({ code, output: "", errors: expect.stringMatching(reason) as string });
  });

  test("a side that does not start is named", async () => {
    await writeFile(file("refused.json"), JSON.stringify({ rules: [{ nam: "x" }] }));
    const { code, errors } = await meshwright(["replay", file("requests.jsonl"), ...sides(), "--against-config", file("refused.json")]);
    expect(errors).toMatch(/^error: --against-config .*refused\.json: [^]*unknown field/);
    expect(code).toBe(1);
  });

  test("a side on which a request fails is named", async () => {
    const { default: binaryen } = await import("binaryen");
    const module = (action: number) => `(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
      (func (export "malloc") (param i32) (result i32) (i32.const 1024))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const ${action})))`;
    await writeFile(file("old.wasm"), binaryen.parseText(module(0)).emitBinary());
    await writeFile(file("new.wasm"), binaryen.parseText(module(99)).emitBinary());
    await write("one.jsonl", { path: "/a" });
    const { code, output } = await meshwright(["replay", file("one.jsonl"), "--filter", file("new.wasm"), "--against", file("old.wasm")]);
    expect(output).toMatch(/1 requests could not be run:\n {4}line 1: --filter .*new\.wasm: .*returned the unknown action 99/);
    expect(code).toBe(1);
  });

  test("nothing differs: 0, and says so", async () => {
    await write("good.jsonl", { path: "/none" });
    await writeFile(
      file("copy.json"),
      JSON.stringify({ rules: [rule("reviews", "/reviews", "v2"), rule("rest", "/", "v0")] }, undefined, 1),
    );
    const same = await meshwright(["replay", file("good.jsonl"), ...sides(), "--against-config", file("copy.json")]);
    expect(same).toMatchObject({ code: 0, output: "requests: 0 of 1 are treated differently\n", errors: "" });
  });
});

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { meshwright } from "../testing/run.ts";

const SERVICE = `apiVersion: v1
kind: Service
metadata: {name: reviews}
spec:
  selector: {app: reviews}
  ports: [{name: http, port: 9080}]
`;
const MISSPELLED = SERVICE.replace("metadata", "meta");
const OTHER = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: reviews}\n";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-validate-"));
  await mkdir(join(folder, "mesh/more"), { recursive: true });
  await writeFile(join(folder, "mesh/a.yaml"), SERVICE);
  await writeFile(join(folder, "mesh/more/b.yaml"), `${OTHER}---\n${MISSPELLED}`);
  await writeFile(join(folder, "good.yaml"), SERVICE);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("good files: nothing but the count, exit code 0", async () => {
  expect(await meshwright(["validate", "good.yaml"], { cwd: folder })).toEqual({
    code: 0,
    output: "",
    errors: "0 errors, 0 warnings; 1 object in the mesh\n",
  });
});

test("a line for each problem, exit code 1", async () => {
  expect(await meshwright(["validate", "mesh/"], { cwd: folder })).toEqual({
    code: 1,
    output: [
      "mesh/more/b.yaml:2:1: info MW0002 kind: Deployment of apps/v1 says nothing about the mesh; passed over",
      'mesh/more/b.yaml:7:1: error MW0003 meta: unknown field "meta"; did you mean metadata?',
      "",
    ].join("\n"),
    errors: "1 error, 0 warnings; 1 object in the mesh\n",
  });
});

test("the same as JSON, from standard input, errors only", async () => {
  const { code, output } = await meshwright(["validate", "-", "--output", "json", "--level", "error"], {
    cwd: folder,
    input: `${OTHER}---\n${MISSPELLED}`,
  });
  expect(code).toBe(1);
  expect(JSON.parse(output)).toEqual([
    {
      file: "-",
      line: 7,
      column: 1,
      level: "error",
      code: "MW0003",
      path: "meta",
      message: 'unknown field "meta"; did you mean metadata?',
    },
  ]);
});

test("what stands in files and in standard input is one mesh", async () => {
  const { code, output } = await meshwright(["validate", "good.yaml", "-"], { cwd: folder, input: SERVICE });
  expect(code).toBe(1);
  expect(output).toContain("good.yaml:3:12: error MW0006 metadata.name: Service default/reviews is defined at -:3:12 too");
});

// The colour libraries' own default is to paint wherever `CI` or `FORCE_COLOR` is set.
test.each([{ CI: "true" }, { FORCE_COLOR: "1" }])("no colours where it is no terminal, under %j either", async (env) => {
  const { output } = await meshwright(["validate", "mesh/"], { cwd: folder, env });
  expect(output).toContain(" error MW0003 ");
});

test("a path that is not there", async () => {
  const { code, output } = await meshwright(["validate", "none"], { cwd: folder });
  expect({ code, output }).toEqual({
    code: 1,
    output: "none:1:1: error MW0012 : cannot be read: there is no such file or directory\n",
  });
});

const PLUGIN = [
  "apiVersion: extensions.istio.io/v1alpha1",
  "kind: WasmPlugin",
  "metadata: { name: routes }",
  "spec:",
  "  url: builtin://routing",
  "  pluginConfig:",
  '    rules: [{ name: r, match: [{ uri: { regex: "(a{1,1000}){1,1000}" } }], route: x }]',
  "",
].join("\n");

/** A policy of 700 KB: by itself it stands in what filters take, 1 MiB, with another it does not. */
const large = (name: string) =>
  [
    "apiVersion: security.istio.io/v1",
    "kind: AuthorizationPolicy",
    `metadata: { name: ${name} }`,
    `spec: { action: DENY, rules: [{ to: [{ operation: { paths: [${Array.from({ length: 7_000 }, (_, index) => `/${name}/${"x".repeat(80)}/${index}`).join()}] } }] }] }`,
    "",
  ].join("\n");

const NODE = "sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local";

test("what a module would refuse is told with its field", async () => {
  const { code, output } = await meshwright(["validate", "-"], { cwd: folder, input: PLUGIN });
  expect([code, output]).toEqual([
    1,
    expect.stringMatching(/^-:7:\d+: error MW0015 spec\.pluginConfig\.rules\[0\]\.match\[0\]\.uri\.regex: /),
  ]);
});

test("and so is what it would refuse of objects together, where they hold for the same workloads", async () => {
  await writeFile(join(folder, "one.yaml"), large("one"));
  await writeFile(join(folder, "two.yaml"), large("two"));
  await writeFile(join(folder, "elsewhere.yaml"), large("two").replace("name: two", "name: two, namespace: other"));
  expect((await meshwright(["validate", "one.yaml", "elsewhere.yaml"], { cwd: folder })).code).toBe(0);
  const { code, output } = await meshwright(["validate", "one.yaml", "two.yaml"], { cwd: folder });
  expect([code, output]).toEqual([
    1,
    expect.stringMatching(/^two\.yaml:4:\d+: error MW0015 spec: with what else is in meshwright\.mesh\/inbound /),
  ]);
});

test("translate tells it too, and gives what the control service would", async () => {
  await writeFile(join(folder, "plugin.yaml"), PLUGIN);
  const translate = (...files: readonly string[]) =>
    meshwright(["translate", "-f", ...files, "--proxy", NODE, "--type", "filter"], { cwd: folder });
  const refused = await translate("good.yaml", "plugin.yaml");
  expect([refused.code, refused.errors]).toEqual([1, expect.stringMatching(/^plugin\.yaml:7:\d+: error MW0015 /)]);
  expect(refused.output).not.toContain("1000");
  const together = await translate("one.yaml", "two.yaml");
  expect([together.code, together.errors]).toEqual([1, expect.stringMatching(/^two\.yaml:4:\d+: error MW0015 /)]);
  expect(together.output).toContain("refused-by-its-module");
  expect(together.output).not.toContain("xxx");
});

test("usage", async () => {
  expect((await meshwright(["validate"], { cwd: folder })).code).toBe(2);
});

import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import { afterAll, beforeAll, expect, test } from "vitest";
import configuration from "../.dependency-cruiser.js";

const repository = fileURLToPath(new URL("..", import.meta.url));

/** A file, what it says, and the rule that it breaks; none for those that may. */
const FILES: ReadonlyArray<readonly [file: string, text: string, rule?: string]> = [
  ["filters/lib/a/index.ts", 'import { b } from "../../sdk"; export { b };', "filters-lib-is-pure"],
  ["filters/lib/b/index.ts", 'export * from "./b"; export * from "../c";'],
  ["filters/lib/b/b.ts", "@inline export function b(): i32 { return 1; }"],
  ["filters/lib/c/index.ts", "// @ts-ignore: decorator\n@lazy export const c: u8 = 1;"],
  ["filters/sdk/index.ts", 'export * from "../lib/b";'],
  ["filters/sdk/wrong.ts", 'export * from "../routing/rule";', "sdk-knows-no-filter"],
  ["filters/routing/index.ts", 'export * from "../sdk"; export * from "../lib/b"; import "./rule";'],
  ["filters/routing/rule.ts", "export const rule: i32 = 1;"],
  ["filters/fault/index.ts", 'import { rule } from "../routing/rule"; export { rule };', "filters-are-strangers"],
  ["filters/mesh/index.ts", 'import "../routing"; import "../fault";'],
  ["filters/routing/node.ts", 'import { readFileSync } from "node:fs"; export { readFileSync };', "filters-are-assemblyscript"],
  ["filters/index.ts", 'import { join } from "node:path"; export { join };'],
  ["harness/host/index.ts", "export const host = 1;"],
  ["harness/envoy/index.ts", 'export const start = () => import("testcontainers");'],
  [
    "harness/envoy/early.ts",
    'import { GenericContainer } from "testcontainers"; export { GenericContainer };',
    "optional-peers-are-loaded-when-needed",
  ],
  ["harness/upstreams/wrong.ts", 'import { serve } from "../../control/index.ts"; export { serve };', "harness-stands-alone"],
  ["harness/host/early.ts", 'import { expect } from "vitest"; export { expect };', "vitest-only-in-its-entry"],
  ["harness/index.ts", 'export * from "./scenario/index.ts"; export * from "../filters/index.ts";', "vitest-entry-apart"],
  ["harness/scenario/index.ts", 'import { test } from "vitest"; export { test };'],
  ["harness/host/dev.ts", 'import prettier from "prettier"; export { prettier };', "production-uses-dependencies"],
  ["control/index.ts", 'export * from "../harness/host/index.ts"; export const serve = 1;'],
  ["control/wrong.ts", 'export * from "../harness/envoy/index.ts";', "control-proves-with-the-host"],
  ["control/model/index.ts", "export const model = 1;"],
  ["control/model/wrong.ts", 'export * from "../kinds/gateway/index.ts";', "model-knows-nobody"],
  ["control/kinds/gateway/index.ts", 'export * from "../../model/index.ts";'],
  ["control/kinds/sidecar/index.ts", 'export * from "../gateway/index.ts";', "kinds-are-strangers"],
  ["control/sources/memory/index.ts", 'export * from "../../model/index.ts";'],
  ["control/sources/directory/index.ts", 'export * from "../memory/index.ts";', "sources-are-strangers"],
  ["control/identity/index.ts", 'export * from "../model/index.ts";'],
  ["control/proof/request.ts", 'export * from "../model/index.ts";', "proof-stands-alone"],
  ["control/identity/proof/index.ts", 'export * from "../../sources/memory/index.ts";', "identity-stands-alone"],
  ["control/xds/types/route/index.ts", "export const route = 1;"],
  ["control/xds/server/index.ts", 'export * from "../types/route/index.ts";', "xds-server-knows-no-type"],
  ["cli/main.ts", 'import "../harness/envoy/index.ts"; import "../control/index.ts"; import "commander";'],
  ["cli/sources.ts", 'import "../filters/sdk/index.ts";', "filters-as-built-modules"],
  ["cli/tests.ts", 'import "../test/helper.ts";', "nobody-imports-tests"],
  ["cli/gone.ts", 'import "./not-there.ts";', "everything-resolves"],
  ["harness/one.ts", 'import "./two.ts";', "no-cycles"],
  ["harness/two.ts", 'import "./one.ts";'],
  ["cli/one.ts", 'import type {} from "./two.ts";', "no-cycles-of-types"],
  ["cli/two.ts", 'import "./one.ts";'],
  ["test/helper.ts", 'import "../cli/main.ts";'],
];

let folder: string;
let broken: Map<string, string[]>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-imports-"));
  for (const [file, text] of FILES) {
    await mkdir(join(folder, dirname(file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
  for (const name of ["node_modules", "package.json", "tsconfig.json"]) await symlink(join(repository, name), join(folder, name));
  const { forbidden, options } = configuration;
  const result = await cruise(["filters", "harness", "control", "cli"], {
    ...options,
    baseDir: folder,
    validate: true,
    ruleSet: { forbidden: forbidden ?? [] },
  });
  broken = new Map();
  for (const { from, rule } of (result.output as ICruiseResult).summary.violations)
    broken.set(from, [...(broken.get(from) ?? []), rule.name]);
}, 30_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each(FILES.map(([file, , rule]) => [file, rule]))("%s breaks %s", (file = "", rule) => {
  if (rule === undefined) expect(broken.get(file) ?? []).toEqual([]);
  else expect(broken.get(file)).toContain(rule);
});

test("every rule has a file that breaks it", () => {
  const rules = (configuration.forbidden ?? []).map(({ name }) => name);
  expect(new Set(FILES.flatMap(([, , rule]) => (rule === undefined ? [] : [rule])))).toEqual(new Set(rules));
});

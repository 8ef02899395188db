import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dependentTests } from "./dependents.ts";

const FILES = {
  "filters/one/index.ts": 'export * from "./stream";',
  "filters/one/stream.ts": 'import { set } from "../sdk";',
  "filters/one/one.test.ts": "",
  "filters/one/examples/deep.scenarios.ts": "",
  "filters/one/one.schema.json": "{}",
  "filters/two/index.ts": 'import { base64 } from "package/base64";',
  "filters/two/two.scenarios.ts": "",
  "filters/sdk/index.ts": 'import { find } from "../lib/scan";',
  "filters/sdk/sdk.test.ts": "",
  "filters/lib/scan/index.ts": "",
  "filters/lib/scan/scan.test.ts": "",
  "node_modules/package/base64.ts": "",
  "harness/host.ts": "",
};
const PATTERNS = ["filters/!(lib)", "filters/lib/*"];
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "meshwright-dependents-"));
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
});
afterAll(() => rm(root, { recursive: true }));

const testsOf = (changed: string, patterns: readonly string[] | undefined = PATTERNS) =>
  dependentTests(root, patterns, join(root, changed))
    .map((path) => relative(root, path))
    .toSorted();

const ONE = ["filters/one/examples/deep.scenarios.ts", "filters/one/one.test.ts"];

test.each([
  ["of a filter runs its tests", "filters/one/stream.ts", ONE],
  ["of data runs those beside it", "filters/one/one.schema.json", ONE],
  ["of the SDK runs those of every filter that imports it", "filters/sdk/index.ts", [...ONE, "filters/sdk/sdk.test.ts"]],
  [
    "of an algorithm runs all that reach it",
    "filters/lib/scan/index.ts",
    ["filters/lib/scan/scan.test.ts", ...ONE, "filters/sdk/sdk.test.ts"],
  ],
  ["of a test is vitest's own matter", "filters/one/one.test.ts", []],
  ["of what stands elsewhere, too", "harness/host.ts", []],
])("a change %s", (_, changed, tests) => {
  expect(testsOf(changed)).toEqual(tests);
});

test("where no folders are named, the whole root is one", () => {
  const all = Object.keys(FILES).filter((path) => /\.(test|scenarios)\.ts$/.test(path));
  expect(dependentTests(root, undefined, join(root, "filters/one/stream.ts")).map((path) => relative(root, path))).toEqual(
    expect.arrayContaining(all),
  );
});

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { meshwright } from "../testing/run.ts";

// That it serves until it is interrupted is seen in test/docs/commands.test.ts.

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-run-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a bootstrap that Envoy refuses is told with Envoy's reason", async (context) => {
  await requireTarget(envoyTarget, context);
  await writeFile(join(folder, "bad.yaml"), "static_resources: { listenerz: [] }\n");
  const { code, errors } = await meshwright(["envoy", "run", "bad.yaml"], { cwd: folder });
  expect(code).toBe(1);
  expect(errors).toContain("bad.yaml: Envoy does not take this configuration");
  expect(errors).toContain("listenerz");
});

test("what stands behind -- goes to Envoy, and its exit code comes back", async (context) => {
  await requireTarget(envoyTarget, context);
  await writeFile(join(folder, "good.yaml"), "static_resources: {}\n");
  expect((await meshwright(["envoy", "run", "good.yaml", "--", "--mode", "validate"], { cwd: folder })).code).toBe(0);
  expect((await meshwright(["envoy", "run", "good.yaml", "--", "--no-such-option"], { cwd: folder })).code).not.toBe(0);
});

test("a file that is not there", async () => {
  const { code, errors } = await meshwright(["envoy", "run", "none.yaml"], { cwd: folder });
  expect({ code, errors }).toEqual({ code: 1, errors: "error: none.yaml: there is no such file\n" });
});

test("an Envoy that does not run: exit code 3", async () => {
  await writeFile(join(folder, "good.yaml"), "static_resources: {}\n");
  const { code, errors } = await meshwright(["envoy", "run", "good.yaml"], { cwd: folder, env: { ENVOY_BIN: join(folder, "none") } });
  expect(code).toBe(3);
  expect(errors).toContain("ENVOY_BIN");
});

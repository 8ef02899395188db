import { test, type TestAPI, vi } from "vitest";
import { envoyTarget } from "../envoy/index.ts";
import { containersUnavailable, type Mesh, type MeshSpec, startMesh } from "../mesh/index.ts";
import { requireTarget } from "./require-target.ts";

const CONTAINERS = { name: "container", unavailable: containersUnavailable } as const;
/** Milliseconds for one test, unless it says another time. */
const TIMEOUT = 120_000;

/**
 * vitest's `test` with a fixture `mesh`: one mesh for all tests of the file, which starts when the first asks for it and ends with the file; a test may take two minutes. Where this machine has no Envoy, or for a mesh of containers no engine, they are reported as
 * NOT RUN, with the reason; with `MESHWRIGHT_REQUIRE_ALL_TARGETS=1` they fail.
 *
 * ```ts
 * const test = meshTest({ services: { web: { port: 8080 }, reviews: { port: 9080 } } });
 *
 * test("reviews answer", async ({ mesh }) => {
 *   expect(await mesh.workload("web").get("http://reviews:9080/")).toMatchObject({ status: 200 });
 * });
 * ```
 */
export function meshTest(spec: MeshSpec): TestAPI<{ mesh: Mesh }> {
  const target = spec.runtime === "container" ? CONTAINERS : envoyTarget;
  // Of all that is declared from here on: the first test waits for the mesh, and others may start parts of it again.
  vi.setConfig({ testTimeout: TIMEOUT, hookTimeout: TIMEOUT });
  // vitest reads in the patterns of their parameters which fixtures a fixture needs.
  const withMesh = test
    .extend("started", { scope: "file" }, async ({}, { onCleanup }) => {
      if ((await target.unavailable()) !== undefined) return undefined;
      const mesh = await startMesh(spec);
      onCleanup(() => mesh[Symbol.asyncDispose]());
      return mesh;
    })
    .extend("mesh", async ({ started, task, skip }) => {
      await requireTarget(target, { task, skip });
      // Where there is none, the test does not run.
      return started as Mesh;
    });
  // Of the two the first is nobody else's.
  return withMesh as unknown as TestAPI<{ mesh: Mesh }>;
}

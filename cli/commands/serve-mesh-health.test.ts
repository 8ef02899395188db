import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { expect, onTestFinished, test } from "vitest";
import { addMeshHealthOptions, type MeshHealthOptions, meshHealthOf } from "../control/mesh-health-options.ts";
import { Serving } from "../testing/serving.ts";

function emptyMesh(): string {
  const folder = mkdtempSync(join(tmpdir(), "meshwright-serve-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "empty.yaml"), "");
  return folder;
}

test("what serve was told is what its API tells", async () => {
  await using serving = await Serving.start("--config", emptyMesh(), "--mesh-health-callers", "5", "--mesh-health-interval", "30s");
  const health: unknown = await (await fetch(`${serving.admin}/api/v1/health`)).json();
  expect(health).toEqual({ on: true, interval: 30_000, callers: 5, hosts: [], decisions: [] });
}, 60_000);

function parsed(...options: readonly string[]): ReturnType<typeof meshHealthOf> {
  const command = addMeshHealthOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  return meshHealthOf(command.parse(options, { from: "user" }).opts<MeshHealthOptions>());
}

test("it is off, and on where it is asked for, by whichever of its options", () => {
  expect(parsed()).toEqual({});
  expect(parsed("--mesh-health")).toEqual({ meshHealth: {} });
  expect(parsed("--mesh-health-interval", "30s")).toEqual({ meshHealth: { interval: 30_000 } });
});

test.each([
  [["--mesh-health-callers", "1"], "one client alone decides for itself"],
  [["--mesh-health-callers", "many"], "one client alone decides for itself"],
  [["--mesh-health-interval", "1ms"], "expected 100ms to 1h"],
  [["--mesh-health-interval", "soon"], "expected 100ms to 1h"],
])("%j is refused", (options, message) => {
  expect(() => parsed(...options)).toThrow(message);
});

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { envoyBinary } from "../../../harness/envoy/index.ts";
import { bootstrapOf, type Json } from "../../bootstrap/index.ts";
import { readProxy } from "../../model/index.ts";
import { patchedBootstrap } from "../../offline.ts";
import { meshOfYaml } from "../types/testing/yaml-view.ts";

const NODE = { id: "sidecar~10.0.0.1~client-1.default~default.svc.cluster.local", metadata: { LABELS: { app: "client" } } };

function bootstrap(configPatches: readonly object[], tell: (problem: string) => void = () => undefined): Json {
  const filter = {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    metadata: { name: "bootstrap" },
    spec: { configPatches },
  };
  const mesh = meshOfYaml(JSON.stringify(filter));
  const proxy = readProxy(NODE);
  if (typeof proxy === "string") throw new Error(proxy);
  const patch = (made: Json) => patchedBootstrap(mesh, proxy, made, tell);
  const made = bootstrapOf({ nodeId: NODE.id, metadata: NODE.metadata, control: { host: "127.0.0.1", port: 15_010 }, patch });
  if ("problems" in made) throw new Error(made.problems.join("\n"));
  return made.bootstrap;
}

const merge = (value: object, match: object = {}) => ({ applyTo: "BOOTSTRAP", match, patch: { operation: "MERGE", value } });

test("BOOTSTRAP: MERGE, as Envoy takes it", async () => {
  const before = bootstrap([]);
  const after = bootstrap([
    merge({ stats_flush_interval: "7s", static_resources: { clusters: [{ name: "own", type: "STATIC" }] } }),
    merge({ stats_flush_interval: "9s" }, { context: "GATEWAY" }),
  ]);
  const clusters = (of: Json) =>
    (of["static_resources"] as { readonly clusters: readonly { readonly name: string }[] }).clusters.map(({ name }) => name);
  expect([before["stats_flush_interval"], after["stats_flush_interval"]]).toEqual([undefined, "7s"]);
  expect(clusters(after)).toEqual([...clusters(before), "own"]);
  const folder = await mkdtemp(join(tmpdir(), "bootstrap-"));
  try {
    const file = join(folder, "envoy.json");
    await writeFile(file, JSON.stringify(after));
    const { stdout } = await promisify(execFile)((await envoyBinary()).path, ["--mode", "validate", "-c", file]);
    expect(stdout).toContain("OK");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("a patch that breaks a constraint is left out, and told with its place", () => {
  const told: string[] = [];
  const made = bootstrap([merge({ watchdog: { multikill_threshold: { value: 500 } } }), merge({ stats_flush_interval: "9s" })], (problem) =>
    told.push(problem),
  );
  expect([made["stats_flush_interval"], made["watchdog"]]).toEqual(["9s", undefined]);
  expect(told).toEqual([
    expect.stringMatching(/^mesh\.yaml:1:\d+: error MW0016 spec\.configPatches\[0\]: cannot be applied to the bootstrap: watchdog/),
  ]);
});

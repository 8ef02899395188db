import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { trappingModule } from "../../../control/xds/types/testing/user-modules.ts";
import type { Mesh } from "../../../harness/mesh/index.ts";
import { until } from "../../../harness/until.ts";
import type { ChaosCase } from "../case.ts";
import { CALLERS, HOSTS } from "../chaos-mesh.ts";

const plugin = (spec: string) => `apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: mine }
spec:
  selector: { matchLabels: { app: reviews } }
  match: [{ mode: SERVER }]
${spec}
`;

/** Filters of users that do harm. */
export const FILTERS: readonly ChaosCase[] = [
  {
    fault: "a filter traps at a certain request, in every host's Envoy",
    configured: "retries of idempotent requests, ejection, `failStrategy: FAIL_OPEN` of the WasmPlugin",
    async run(mesh, traffic) {
      const folder = await mkdtemp(join(tmpdir(), "chaos-filter-"));
      try {
        await writeFile(join(folder, "poisoned.wasm"), trappingModule());
        await mesh.apply({ "plugin.yaml": plugin(`  url: file://${folder}/poisoned.wasm\n  failStrategy: FAIL_OPEN`) });
        await traffic.more();
        await poison(mesh);
        await traffic.more();
        await mesh.apply({ "plugin.yaml": undefined });
        await traffic.more();
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  },
  {
    fault: "a filter is given a configuration that its module refuses",
    async run(mesh, traffic) {
      // The schema takes this expression; the module does not, since it is too large.
      const limits = `[{ name: all, match: { uri: { regex: "(a{1,1000}){1,1000}" } }, tokenBucket: { maxTokens: 1, fillInterval: 1s } }]`;
      const refused = plugin(`  url: builtin://ratelimit\n  pluginConfig: { limits: ${limits} }`);
      await assert.rejects(mesh.apply({ "plugin.yaml": refused }), /plugin\.yaml:.*the module of the filter refuses it/s);
      await traffic.more();
      await mesh.apply({ "plugin.yaml": undefined });
      await traffic.more();
    },
  },
];

/** Sends the request that kills until the filter of every host has trapped. */
async function poison(mesh: Mesh): Promise<void> {
  await until(
    "the filter has trapped in every host's Envoy",
    async () => {
      await mesh.workload(CALLERS[0]).get("http://reviews:9080/poison", { "x-poison": "1" });
      return HOSTS.filter((host) => !mesh.workload(host).sidecar.log.some((line) => line.includes("proxy_on_request_headers failed")));
    },
    (well) => well.length === 0,
    { timeout: 60_000 },
  );
}

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { trappingModule } from "../../../control/xds/types/testing/user-modules.ts";
import type { Mesh } from "../../../harness/mesh/index.ts";
import { until } from "../../../harness/until.ts";
import type { ChaosCase } from "../case.ts";
import { CALLERS, ejected, hostOf, HOSTS, whole } from "../chaos-mesh.ts";
import type { Traffic } from "../traffic.ts";

const plugin = (spec: string, selected = "app: reviews") => `apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: mine }
spec:
  selector: { matchLabels: { ${selected} } }
  match: [{ mode: SERVER }]
${spec}
`;

/** Filters of users that do harm. */
export const FILTERS: readonly ChaosCase[] = [
  {
    fault: "a filter traps at a certain request, in every host's Envoy",
    configured: "retries of idempotent requests, ejection, `failStrategy: FAIL_OPEN` of the WasmPlugin",
    run: (mesh, traffic) =>
      trapping(mesh, traffic, "FAIL_OPEN", undefined, async () => {
        await poison(mesh, HOSTS);
      }),
  },
  {
    fault: "a filter traps in a host's Envoy, which answers nothing more",
    configured: "retries of idempotent requests, ejection, `failStrategy: FAIL_CLOSE` of the WasmPlugin",
    run: (mesh, traffic, round) =>
      trapping(mesh, traffic, "FAIL_CLOSE", hostOf(round), async () => {
        await poison(mesh, [hostOf(round)]);
        await ejected(mesh);
      }),
  },
  {
    fault: "a filter traps in a host's Envoy, which loads it again, twice",
    configured: "retries of idempotent requests, ejection, `failStrategy: FAIL_RELOAD` of the WasmPlugin",
    run: (mesh, traffic, round) =>
      trapping(mesh, traffic, "FAIL_RELOAD", hostOf(round), async () => {
        await poison(mesh, [hostOf(round)]);
        await traffic.more();
        // One that was not loaded again has no second trap.
        await poison(mesh, [hostOf(round)]);
      }),
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
      return undefined;
    },
  },
];

/** @param only the host that has the filter; undefined: all */
async function trapping(
  mesh: Mesh,
  traffic: Traffic,
  strategy: string,
  only: string | undefined,
  act: () => Promise<void>,
): Promise<undefined> {
  const folder = await mkdtemp(join(tmpdir(), "chaos-filter-"));
  try {
    await writeFile(join(folder, "poisoned.wasm"), trappingModule());
    const spec = `  url: file://${folder}/poisoned.wasm\n  failStrategy: ${strategy}`;
    await mesh.apply({ "plugin.yaml": plugin(spec, only === undefined ? undefined : `app.kubernetes.io/instance: ${only}`) });
    await traffic.more();
    await act();
    await traffic.more();
    await mesh.apply({ "plugin.yaml": undefined });
    await whole(mesh);
    await traffic.more();
    return undefined;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Sends the request that kills until the filter of each of the hosts has trapped since. */
async function poison(mesh: Mesh, hosts: readonly string[]): Promise<void> {
  const traps = (host: string) => mesh.workload(host).sidecar.log.filter((line) => line.includes("proxy_on_request_headers failed")).length;
  const before = new Map(hosts.map((host) => [host, traps(host)]));
  await until(
    `the filter has trapped in the Envoys of ${hosts.join()}`,
    async () => {
      await mesh.workload(CALLERS[0]).get("http://reviews:9080/poison", { "x-poison": "1" });
      return hosts.filter((host) => traps(host) < (before.get(host) ?? 0) + 1);
    },
    (well) => well.length === 0,
    { timeout: 60_000 },
  );
}

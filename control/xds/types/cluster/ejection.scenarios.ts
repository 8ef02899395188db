import { describe, expect, test } from "vitest";
import { envoyTarget } from "../../../../harness/envoy/index.ts";
import { requireTarget } from "../../../../harness/scenario/require-target.ts";
import type { Plugin } from "../../../model/index.ts";
import { outboundCluster } from "../cluster-name.ts";
import { HOST, Hosts } from "../testing/hosts.ts";
import { Traffic } from "../testing/traffic.ts";
import { objectOf } from "../testing/view.ts";

const CLUSTER = outboundCluster(HOST, 80);

const plugin = (pluginConfig: object): Plugin => ({
  name: "ejection",
  namespace: "default",
  selector: {},
  url: "builtin://ejection",
  pluginName: "ejection",
  pluginConfig,
  phase: "UNSPECIFIED_PHASE",
  priority: 0,
  match: [],
  module: undefined,
  type: "HTTP",
  failStrategy: "FAIL_RELOAD",
  environment: { values: {}, host: [] },
  object: objectOf("WasmPlugin", "ejection"),
});

const roundRobin = (outlierDetection?: object) => ({
  trafficPolicy: { loadBalancer: { simple: "ROUND_ROBIN" }, ...(outlierDetection === undefined ? {} : { outlierDetection }) },
});
const QUICK = { interval: "200ms", baseEjectionTime: "60s", maxEjectionPercent: 100 };

describe("Ejection by our filter", () => {
  test("takes out a host that answers 200 with an error inside", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(
      3,
      (index) => () => (index === 0 ? { headers: [["x-overloaded", "yes"]], body: "bad" } : { body: String(index) }),
    );
    const rules = [{ name: "overloaded", match: { headers: { "x-overloaded": { present: true } } }, consecutive: 2 }];
    const view = hosts.view(roundRobin(), { plugins: [plugin({ outlierDetection: QUICK, rules })] });
    await using traffic = await Traffic.start(view);
    expect(traffic.proxy.refusals()).toEqual([]);
    expect((await traffic.count(CLUSTER, 30))["bad"]).toBe(2);
    expect(await traffic.stat(CLUSTER, "outlier_detection.ejections_active")).toBe(1);
  });

  test("a DestinationRule's outlierDetection means the same with it as without", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(3, (index) => () => (index === 0 ? { status: 500 } : { body: String(index) }));
    const view = hosts.view(roundRobin({ ...QUICK, consecutive5xxErrors: 3 }), {
      plugins: [plugin({ outlierDetection: { consecutive5xxErrors: 1 } })],
    });
    await using traffic = await Traffic.start(view);
    expect((await traffic.count(CLUSTER, 30))["500"]).toBe(3);
  });

  test("without such a plugin the chain is Envoy's own", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1, () => () => ({ headers: [["x-overloaded", "yes"]], body: "0" }));
    await using traffic = await Traffic.start(hosts.view(roundRobin()));
    expect(await traffic.count(CLUSTER, 5)).toEqual({ 0: 5 });
    expect(JSON.stringify(await traffic.proxy.envoy.admin.configDump({ resource: "dynamic_active_clusters" }))).not.toContain(
      "upstream_codec",
    );
  });
});

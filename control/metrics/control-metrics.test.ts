import { expect, test } from "vitest";
import { ControlMetrics } from "./control-metrics.ts";

const NOBODY = {
  proxies: () => 0,
  services: () => 0,
  virtualServices: () => 0,
  objects: () => new Map<string, number>(),
  problems: () => new Map<string, number>(),
  markedHosts: () => new Map<string, number>(),
};

async function samples(use: (metrics: ControlMetrics) => void): Promise<readonly string[]> {
  const metrics = new ControlMetrics(NOBODY);
  use(metrics);
  return (await metrics.scrape()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

const answer = (type: string) => ({ typeUrl: `type.googleapis.com/envoy.${type}`, bytes: 10, resources: 2, removed: 0 }) as never;

// Dashboards and alerts of istiod ask for them by these names: it leaves out the suffix of counters (its `pkg/monitoring`: `WithoutCounterSuffixes`).
test("has istiod's metrics by istiod's names, and its own as Prometheus wants them", async () => {
  const lines = await samples(({ observer }) => {
    observer.sent?.(answer("config.cluster.v3.Cluster"));
    observer.refused?.(answer("config.listener.v3.Listener"));
  });
  expect(lines).toContain('pilot_xds_pushes{type="cds"} 1');
  expect(lines).toContain('pilot_total_xds_rejects{type="lds"} 1');
  expect(lines).toContain('meshwright_xds_sent_bytes_total{type="cds"} 10');
  expect(lines.filter((line) => /^(pilot|citadel)_\w+_total\b/.test(line))).toEqual([]);
});

test("tells types by their short names", async () => {
  const types = [
    "config.route.v3.ScopedRouteConfiguration",
    "config.core.v3.TypedExtensionConfig",
    "extensions.transport_sockets.tls.v3.Secret",
  ];
  const lines = await samples(({ observer }) => {
    for (const type of types) observer.sent?.(answer(type));
  });
  for (const type of ["srds", "ecds", "sds"]) expect(lines).toContain(`pilot_xds_pushes{type="${type}"} 1`);
});

test("describes them by the names that they have", async () => {
  const metrics = new ControlMetrics(NOBODY);
  metrics.changed(0.1, 3);
  const text = await metrics.scrape();
  expect(text).toMatch(/^# TYPE pilot_inbound_updates counter\npilot_inbound_updates 3$/m);
});

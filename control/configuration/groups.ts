import { type Client, type Contribution, ipModeOf, type Proxy } from "../model/index.ts";
import { nodeSettings } from "../kinds/mesh-config/index.ts";
import type { Mesh } from "../mesh/index.ts";

const keysOf = new WeakMap<Contribution, readonly string[]>();

/** Keys of labels of clients that some object selects or matches by: only in these do clients differ. */
export function relevantLabels(mesh: Mesh): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const contribution of mesh.contributions()) {
    let mine = keysOf.get(contribution);
    if (mine === undefined) keysOf.set(contribution, (mine = [...new Set(labelsOf(contribution))]));
    for (const key of mine) keys.add(key);
  }
  return keys;
}

function* labelsOf({
  routings = [],
  trafficRules = [],
  gateways = [],
  sidecars = [],
  proxySettings = [],
  plugins = [],
  settings,
}: Contribution): Iterable<string> {
  for (const { http, tls, tcp } of routings) {
    for (const route of [...http, ...tls, ...tcp]) for (const { sourceLabels } of route.match) yield* Object.keys(sourceLabels);
  }
  for (const { workloadSelector, policy, subsets } of trafficRules) {
    yield* Object.keys(workloadSelector ?? {});
    for (const each of [policy, ...policy.ports.values(), ...subsets.map((subset) => subset.policy)]) {
      yield* (each.loadBalancer?.locality?.failoverPriority ?? []).map((label) => label.split("=", 1)[0] ?? "");
    }
  }
  for (const { workloadSelector } of sidecars) yield* Object.keys(workloadSelector ?? {});
  for (const { selector } of [...gateways, ...proxySettings, ...plugins]) yield* Object.keys(selector);
  yield* (settings?.localityLbSetting.failoverPriority ?? []).map((label) => label.split("=", 1)[0] ?? "");
}

/** What a proxy has in common with others. */
export function clientOf(proxy: Proxy, relevant: ReadonlySet<string>): Client {
  const { type, namespace, locality, network, clusterId, dnsDomain, interceptionMode, onDemand, identity } = proxy;
  const labels = Object.fromEntries(
    Object.entries(proxy.labels)
      .filter(([key]) => relevant.has(key))
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
  const { settings } = nodeSettings(proxy.metadata["PROXY_CONFIG"]);
  return {
    type,
    namespace,
    labels,
    locality,
    network,
    clusterId,
    dnsDomain,
    interceptionMode,
    onDemand,
    ipMode: ipModeOf(proxy),
    identity,
    ...(settings === undefined ? {} : { settings }),
  };
}

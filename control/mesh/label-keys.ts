import type { Contribution } from "../model/index.ts";

/** Keys of labels of clients that some object selects or matches by: only in these do clients differ. Immutable. */
export interface LabelKeys {
  /** The same set as long as its members are the same. */
  readonly keys: ReadonlySet<string>;
  /** How often contributions name each. */
  readonly counts: ReadonlyMap<string, number>;
}

export const noLabelKeys: LabelKeys = { keys: new Set(), counts: new Map() };

/** The keys after contributions went and came. */
export function countLabelKeys(before: LabelKeys, gone: readonly Contribution[], come: readonly Contribution[]): LabelKeys {
  const differences = new Map<string, number>();
  const add = (contributions: readonly Contribution[], by: number): void => {
    for (const contribution of contributions)
      for (const key of keysOf(contribution)) differences.set(key, (differences.get(key) ?? 0) + by);
  };
  add(gone, -1);
  add(come, 1);
  const changed = [...differences].filter(([, difference]) => difference !== 0);
  if (changed.length === 0) return before;
  const counts = new Map(before.counts);
  for (const [key, difference] of changed) {
    const count = (counts.get(key) ?? 0) + difference;
    if (count > 0) counts.set(key, count);
    else counts.delete(key);
  }
  const isSame = changed.every(([key]) => counts.has(key) === before.keys.has(key));
  return { keys: isSame ? before.keys : new Set(counts.keys()), counts };
}

function* keysOf({
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

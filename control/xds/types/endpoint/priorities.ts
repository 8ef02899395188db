import type { Endpoint, Labels, Locality, LocalityLoadBalancing, ProxyView } from "../../../model/index.ts";
import { type Localities, NODE } from "../cluster/localities.ts";

/** Endpoints of one place and one priority. */
export interface LocalityGroup {
  readonly locality: Locality;
  readonly endpoints: readonly Endpoint[];
  readonly priority: number;
  readonly weight: number;
}

/** Endpoints by place. Envoy refuses weights that are more than 32 bits together, so such are made smaller in proportion. */
export function groupByLocality(endpoints: readonly Endpoint[]): readonly LocalityGroup[] {
  const total = endpoints.reduce((sum, { weight }) => sum + weight, 0);
  const scale = Math.min(1, MOST / total);
  const fitting =
    scale === 1 ? endpoints : endpoints.map((endpoint) => ({ ...endpoint, weight: Math.max(1, Math.floor(endpoint.weight * scale)) }));
  const groups = Map.groupBy(fitting, ({ locality }) => locality);
  return [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([locality, members]) => ({ locality, endpoints: members, priority: 0, weight: weightOf(members) }));
}

/** Leaves room for those that are rounded up to 1. */
const MOST = 0xfff00000;

function weightOf(endpoints: readonly Endpoint[]): number {
  return endpoints.reduce((sum, { weight }) => sum + weight, 0);
}

/** Shares and priorities for one client (Istio's `ApplyLocalityLoadBalancer`). What depends on nothing of the client reads nothing of it. */
export function prioritize(
  groups: readonly LocalityGroup[],
  localities: Localities | undefined,
  view: ProxyView,
): readonly LocalityGroup[] {
  if (localities === undefined || groups.length === 0) return groups;
  const { setting, failover } = localities;
  if (setting.distribute.length > 0) return distribute(groups, view.client().locality, setting.distribute);
  if (!failover) return groups;
  if (setting.failoverPriority.length === 0) return failOver(groups, view.client().locality, setting.failover);
  const prioritized = byLabels(groups, labelsOf(view, setting.failoverPriority), setting.failoverPriority);
  return setting.failover.length === 0 ? prioritized : failOver(prioritized, view.client().locality, setting.failover);
}

/** Places outside those that get a share get nothing; within a pattern places share by the weights of their endpoints. */
function distribute(
  groups: readonly LocalityGroup[],
  from: Locality,
  rules: LocalityLoadBalancing["distribute"],
): readonly LocalityGroup[] {
  const rule = rules.find((each) => isIn(from, each.from));
  if (rule === undefined) return groups;
  const result: LocalityGroup[] = groups.map((group) => ({ ...group, endpoints: [] }));
  const taken = new Set<number>();
  for (const [pattern, share] of Object.entries(rule.to)) {
    const members = groups.flatMap((group, index) => (!taken.has(index) && isIn(group.locality, pattern) ? [{ group, index }] : []));
    const total = members.reduce((sum, { group }) => sum + group.weight, 0);
    for (const { group, index } of members) {
      taken.add(index);
      result[index] = { ...group, weight: Math.max(1, Math.ceil((group.weight * share) / total)) };
    }
  }
  return result.filter(({ endpoints }) => endpoints.length > 0);
}

/** Whether a place is meant by `region`, `region/zone/*` and the like. */
function isIn(locality: Locality, pattern: string): boolean {
  const parts = locality.split("/");
  return pattern.split("/").every((part, index) => part === "*" || (part === "" && index > 0) || part === (parts[index] ?? ""));
}

/** The same sub-zone, zone, region; then the region that takes over, then the others (Istio's `applyLocalityFailover`). */
function failOver(groups: readonly LocalityGroup[], from: Locality, rules: LocalityLoadBalancing["failover"]): readonly LocalityGroup[] {
  const [region = ""] = from.split("/");
  const rule = rules.find((each) => each.from === region);
  const ranked = groups.map((group) => {
    const near = distance(from, group.locality);
    const [itsRegion = ""] = group.locality.split("/");
    const rank = near === 3 && rule !== undefined && itsRegion !== rule.to ? 4 : near;
    return { ...group, priority: group.priority * 5 + rank };
  });
  return closeGaps(ranked);
}

function distance(from: Locality, to: Locality): number {
  const [a, b] = [from.split("/"), to.split("/")];
  const same = (index: number): boolean => (a[index] ?? "") === (b[index] ?? "");
  // An EndpointSlice knows zones and no regions; the zone alone tells enough.
  const region = same(0) || (b[0] === "" && b[1] !== undefined && b[1] === a[1]);
  if (!region) return 3;
  if (!same(1)) return 2;
  return same(2) ? 0 : 1;
}

/** Endpoints whose labels are the client's, the more of them from the left the earlier (Istio's `applyFailoverPriorities`). */
function byLabels(groups: readonly LocalityGroup[], own: Labels, priorities: readonly string[]): readonly LocalityGroup[] {
  const wanted = priorities.map((entry) => {
    const equals = entry.indexOf("=");
    const label = equals < 0 ? entry : entry.slice(0, equals);
    return { label, value: equals < 0 ? own[label] : entry.slice(equals + 1) };
  });
  const split = groups.flatMap((group) => {
    const byRank = Map.groupBy(group.endpoints, (endpoint) => rankOf(endpoint, wanted));
    return [...byRank]
      .toSorted(([a], [b]) => a - b)
      .map(([priority, endpoints]) => ({ locality: group.locality, endpoints, priority, weight: weightOf(endpoints) }));
  });
  return closeGaps(split);
}

function rankOf(endpoint: Endpoint, wanted: readonly { readonly label: string; readonly value: string | undefined }[]): number {
  const labels = topologyOf(endpoint.labels, endpoint);
  const byNetwork = wanted[0]?.label === "topology.istio.io/network";
  let adjust = 0;
  for (const [index, { label, value }] of wanted.entries()) {
    if ((value ?? "") === (labels[label] ?? "")) continue;
    if (index > 0 || !byNetwork) return wanted.length - index + adjust;
    // Another network costs more than anything else, and what follows still counts within it.
    adjust = wanted.length;
  }
  return adjust;
}

/** Labels of an endpoint, with what is known of its place in the words of Kubernetes' labels. */
function topologyOf(labels: Labels, { locality, network, node }: Pick<Endpoint, "locality" | "network" | "node">): Labels {
  const [region = "", zone = "", subzone = ""] = locality.split("/");
  return {
    "topology.kubernetes.io/region": region,
    "topology.kubernetes.io/zone": zone,
    "topology.istio.io/subzone": subzone,
    "topology.istio.io/network": network,
    [NODE]: node,
    ...labels,
  };
}

function labelsOf(view: ProxyView, priorities: readonly string[]): Labels {
  const { labels, locality, network } = view.client();
  // Only its own metadata tells the node of a proxy, so such assignments are each proxy's own.
  const node = priorities.includes(NODE) ? view.proxy().metadata["NODE_NAME"] : undefined;
  return topologyOf(labels, { locality, network, node: typeof node === "string" ? node : "" });
}

/** Priorities count from 0 without a gap, or Envoy refuses them. */
function closeGaps(groups: readonly LocalityGroup[]): readonly LocalityGroup[] {
  const order = [...new Set(groups.map(({ priority }) => priority))].sort((a, b) => a - b);
  return groups.map((group) => ({ ...group, priority: order.indexOf(group.priority) }));
}

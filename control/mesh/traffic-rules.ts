import { type Client, isVisible, type HostName, selects, type Service, type Subset, type TrafficRules } from "../model/index.ts";
import { cell, type Reads } from "./cell.ts";
import { patternsOf } from "./host-patterns.ts";
import type { Mesh } from "./mesh.ts";

/** Who connects; without labels rules that select clients do not count. */
interface Connecting {
  readonly namespace: string;
  readonly labels: Client["labels"] | undefined;
}

/**
 * The rules for connections of a client to a host. Those of the client's namespace hide those of the service's, which hide those of the root namespace; within a namespace the most
 * specific host counts, and nothing is inherited from a wider one (Istio's `destinationRule` in push_context.go). Of a client in the root namespace, where gateways often are, only what that says to
 * itself alone goes first: what it says to all is what holds where nobody else says anything.
 */
export function trafficRulesFor(
  mesh: Mesh,
  client: Connecting,
  host: HostName,
  service: Service | undefined,
  reads: Reads,
): TrafficRules | undefined {
  const { rootNamespace } = mesh.settings;
  const inRoot = client.namespace === rootNamespace;
  const stages: readonly Stage[] = [
    { namespace: client.namespace, ownOnly: inRoot },
    { namespace: service?.namespace ?? client.namespace, ownOnly: false },
    { namespace: rootNamespace, ownOnly: false },
  ];
  const patterns = Array.from(patternsOf(host));
  for (const pattern of patterns) reads.cells.add(cell.trafficRules(pattern));
  for (const { namespace, ownOnly } of stages) {
    for (const pattern of patterns) {
      const rules = (mesh.index.trafficRules.get(pattern) ?? []).filter(
        (each) => each.object.metadata.namespace === namespace && isMeant(each, client) && (!ownOnly || isOwn(each)),
      );
      const chosen = rules.filter(({ workloadSelector }) => workloadSelector !== undefined);
      const merged = merge(chosen.length > 0 ? chosen : rules);
      if (merged !== undefined) return merged;
    }
  }
  return undefined;
}

interface Stage {
  readonly namespace: string;
  /** Whether only rules count that hold in that namespace alone. */
  readonly ownOnly: boolean;
}

function isOwn({ exportTo, object: { metadata } }: TrafficRules): boolean {
  return exportTo.every((entry) => entry === "." || entry === metadata.namespace);
}

function isMeant({ exportTo, object, workloadSelector }: TrafficRules, client: Connecting): boolean {
  const { namespace } = object.metadata;
  if (!isVisible(exportTo, namespace, client.namespace)) return false;
  // A selector picks clients of its own namespace.
  return (
    workloadSelector === undefined ||
    (client.labels !== undefined && namespace === client.namespace && selects(workloadSelector, client.labels))
  );
}

const mergedRules = new WeakMap<TrafficRules, { readonly of: readonly TrafficRules[]; readonly merged: TrafficRules }>();

/** Of several rules of one namespace for one host the oldest's policy counts, and the subsets of all, each name once (Istio's `mergeDestinationRule`). */
function merge(rules: readonly TrafficRules[]): TrafficRules | undefined {
  const [first, ...others] = rules;
  if (first === undefined || others.length === 0) return first;
  const known = mergedRules.get(first);
  if (known !== undefined && known.of.length === rules.length && known.of.every((each, index) => each === rules[index]))
    return known.merged;
  const subsets = new Map<string, Subset>();
  for (const rule of rules) for (const subset of rule.subsets) if (!subsets.has(subset.name)) subsets.set(subset.name, subset);
  const policy = rules.find((rule) => !isEmpty(rule))?.policy ?? first.policy;
  const merged = { ...first, policy, subsets: [...subsets.values()] };
  mergedRules.set(first, { of: rules, merged });
  return merged;
}

function isEmpty({ policy }: TrafficRules): boolean {
  const { ports, ...rest } = policy;
  return ports.size === 0 && Object.values(rest).every((value) => value === undefined);
}

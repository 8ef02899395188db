import type { MeshSettings } from "./settings.ts";
import type { PortPolicy, TrafficPolicy, TrafficRules } from "./traffic-policy.ts";

/** What holds for connections to one port of a host, or of a subset of it. */
export type EffectivePolicy = Omit<TrafficPolicy, "ports">;

const NOTHING: EffectivePolicy = {
  loadBalancer: undefined,
  connectionPool: undefined,
  outlierDetection: undefined,
  tls: undefined,
  tunnel: undefined,
  proxyProtocol: undefined,
  retryBudget: undefined,
};

/**
 * The policy of a port, as Istio merges it (`MergeSubsetTrafficPolicy`): settings of the port replace those of the host as a whole, what they leave out is the default; a
 * subset's go before the host's one by one, and those of a port of a subset as a whole.
 *
 * @param byDefault what holds where nothing of that says otherwise, block by block. Default: nothing
 */
export function policyFor(
  rules: TrafficRules | undefined,
  port: number,
  subset?: string,
  byDefault?: MeshSettings["defaultTrafficPolicy"],
): EffectivePolicy {
  const policy = rules === undefined ? NOTHING : policyOf(rules, port, subset);
  if (byDefault === undefined) return policy;
  return {
    ...policy,
    connectionPool: policy.connectionPool ?? byDefault.connectionPool,
    outlierDetection: policy.outlierDetection ?? byDefault.outlierDetection,
  };
}

function policyOf(rules: TrafficRules, port: number, subset: string | undefined): EffectivePolicy {
  const own = ofPort(rules.policy, port);
  const found = subset === undefined ? undefined : rules.subsets.find(({ name }) => name === subset);
  if (found === undefined) return own;
  const settings = found.policy.ports.get(port);
  const narrow = ofPort(found.policy, port);
  const choose = <Name extends keyof PortPolicy>(name: Name): PortPolicy[Name] =>
    settings === undefined ? (narrow[name] ?? own[name]) : settings[name];
  return {
    loadBalancer: choose("loadBalancer"),
    connectionPool: choose("connectionPool"),
    outlierDetection: choose("outlierDetection"),
    tls: choose("tls"),
    tunnel: narrow.tunnel ?? own.tunnel,
    proxyProtocol: narrow.proxyProtocol ?? own.proxyProtocol,
    retryBudget: narrow.retryBudget ?? own.retryBudget,
  };
}

function ofPort(policy: TrafficPolicy, port: number): EffectivePolicy {
  const settings = policy.ports.get(port);
  return settings === undefined ? policy : { ...NOTHING, ...settings };
}

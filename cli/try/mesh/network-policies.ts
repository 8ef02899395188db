import { create, fromBinary } from "@bufbuild/protobuf";
import { RBAC_Action } from "../../../control/envoy-api/generated/envoy/config/rbac/v3/rbac_pb.ts";
import { type Filter, FilterSchema } from "../../../control/envoy-api/generated/envoy/config/listener/v3/listener_components_pb.ts";
import { RBACSchema } from "../../../control/envoy-api/generated/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts";
import { pack, typeUrl } from "../../../control/envoy-api/index.ts";
import type { Decision } from "../../../harness/target/index.ts";

/** Where Envoy's filter for policies of connections notes what it found (`envoy.filters.network.rbac`). */
export const NETWORK_RBAC = "envoy.filters.network.rbac";

/** Before what a copy of policies that decides nothing notes, by their action. */
const PREFIXES = { [RBAC_Action.ALLOW]: "try_allow_", [RBAC_Action.DENY]: "try_deny_", [RBAC_Action.LOG]: "try_log_" } as const;

/**
 * Puts a copy before each filter of policies, which decides nothing and notes which policy matched: of rules in force Envoy says that only where a connection is closed by them.
 */
export function noteMatches(filters: readonly Filter[]): Filter[] {
  return filters.flatMap((filter) => {
    const { configType } = filter;
    if (configType.case !== "typedConfig" || configType.value.typeUrl !== typeUrl(RBACSchema)) return [filter];
    const { rules, statPrefix } = fromBinary(RBACSchema, configType.value.value);
    if (rules === undefined) return [filter];
    const noting = { statPrefix, shadowRules: rules, shadowRulesStatPrefix: PREFIXES[rules.action as keyof typeof PREFIXES] };
    return [create(FilterSchema, { name: NETWORK_RBAC, configType: { case: "typedConfig", value: pack(RBACSchema, noting) } }), filter];
  });
}

type Noted = Readonly<Record<string, unknown>>;

/** What policies decided about a connection, in the words of `authorization`. */
export function networkDecisions(noted: Noted | null): readonly Decision[] {
  if (noted === null) return [];
  const found = (prefix: string) => ({
    denied: noted[`${prefix}shadow_engine_result`] === "denied",
    looked: noted[`${prefix}shadow_engine_result`] !== undefined,
    rule: ruleOf(noted[`${prefix}shadow_effective_policy_id`]),
  });
  const decided = (rule: string, result: Decision["result"], reason: string): Decision => ({ filter: NETWORK_RBAC, rule, result, reason });
  const [allow, deny, log] = [found(PREFIXES[RBAC_Action.ALLOW]), found(PREFIXES[RBAC_Action.DENY]), found(PREFIXES[RBAC_Action.LOG])];
  const [dryAllow, dryDeny] = [found("istio_dry_run_allow_"), found("istio_dry_run_deny_")];
  const decisions: Decision[] = [];
  if (log.rule !== "") decisions.push(decided(log.rule, "mark", "AUDIT policy matched"));
  if (dryDeny.denied) decisions.push(decided(dryDeny.rule, "shadow-deny", "DENY policy matched"));
  if (dryAllow.denied) decisions.push(decided("", "shadow-deny", "no ALLOW policy matched"));
  if (deny.denied) decisions.push(decided(deny.rule, "deny", "DENY policy matched"));
  else if (allow.denied) decisions.push(decided("", "deny", "no ALLOW policy matched"));
  else if (allow.looked) decisions.push(decided(allow.rule, "allow", "ALLOW policy matched"));
  else if (deny.looked) decisions.push(decided("", "allow", "no ALLOW policy"));
  return decisions;
}

/** Istio's name of a rule as `authorization` writes it: `ns[default]-policy[db]-rule[0]` is `default/db[0]`. */
function ruleOf(policy: unknown): string {
  const [, namespace, name, index] = /^ns\[(.+?)\]-policy\[(.+)\]-rule\[(\d+)\]$/.exec(typeof policy === "string" ? policy : "") ?? [];
  return index === undefined ? "" : `${namespace ?? ""}/${name ?? ""}[${index}]`;
}

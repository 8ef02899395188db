import type { AuthorizationPolicy, AuthorizationRule, Contribution, MeshObject } from "../../model/index.ts";
import { isDryRun } from "./dry-run.ts";
import type { AuthorizationPolicySpec } from "./fields.ts";
import type { RuleSpec } from "./rule-fields.ts";

export function contribute(object: MeshObject<AuthorizationPolicySpec>): Contribution {
  const { metadata, spec } = object;
  const policy: AuthorizationPolicy = {
    name: metadata.name,
    namespace: metadata.namespace,
    selector: spec.selector?.matchLabels ?? {},
    action: spec.action,
    rules: (spec.rules ?? []).map(ruleOf),
    dryRun: isDryRun(object) === true,
    provider: spec.provider?.name,
    object,
  };
  return { policies: [policy] };
}

/** Without lists that say nothing. */
function ruleOf({ from, to, when = [] }: RuleSpec): AuthorizationRule {
  return {
    ...(from === undefined ? {} : { from: from.map(({ source }) => ({ source: withoutEmpty(source) })) }),
    ...(to === undefined ? {} : { to: to.map(({ operation }) => ({ operation: withoutEmpty(operation) })) }),
    ...(when.length === 0 ? {} : { when: when.map(({ key, ...lists }) => ({ key, ...withoutEmpty(lists) })) }),
  };
}

function withoutEmpty<Name extends string>(
  lists: Readonly<Record<Name, readonly string[] | undefined>>,
): Partial<Record<Name, readonly string[]>> {
  const said = Object.entries<readonly string[] | undefined>(lists).filter(([, list]) => list !== undefined && list.length > 0);
  return Object.fromEntries(said) as Partial<Record<Name, readonly string[]>>;
}

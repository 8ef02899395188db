import type { PolicySchema } from "../../../../envoy-api/generated/envoy/config/rbac/v3/rbac_pb.ts";
import { type AuthorizationPolicy, type AuthorizationRule, looksAtHttp, type MeshSettings } from "../../../../model/index.ts";
import type { Init } from "../init.ts";
import { allPermissions, listOf as permissionsOf, operationOf } from "./permissions.ts";
import { allPrincipals, listOf as principalsOf, sourceOf, type Surroundings } from "./principals.ts";

type RbacPolicy = Init<typeof PolicySchema>;

/**
 * The rules of policies as Envoy's, each by its name. Connections have no requests, and Istio errs on the safe side (`checkError` of its `authz/model`): of ALLOW a rule that looks at requests is left
 * out; of others only what it says of requests, so that it matches more.
 */
export function rbacPolicies(
  policies: readonly AuthorizationPolicy[],
  settings: MeshSettings,
  prefix = "",
): { readonly [name: string]: RbacPolicy } {
  const rules = policies.flatMap((policy) =>
    policy.rules.map((rule, index) => ({ policy, rule, name: `${prefix}ns[${policy.namespace}]-policy[${policy.name}]-rule[${index}]` })),
  );
  const applicable = rules.filter(({ policy, rule }) => policy.action !== "ALLOW" || !looksAtHttp(rule));
  return Object.fromEntries(applicable.map(({ policy, rule, name }) => [name, rbacPolicy(rule, { policy, settings })]));
}

function rbacPolicy({ from, to, when = [] }: AuthorizationRule, surroundings: Surroundings): RbacPolicy {
  const ofSource = when.flatMap(({ key, values, notValues }) => [
    ...principalsOf(key, values, false, surroundings),
    ...principalsOf(key, notValues, true, surroundings),
  ]);
  const ofDestination = when.flatMap(({ key, values, notValues }) => [
    ...permissionsOf(key, values, false),
    ...permissionsOf(key, notValues, true),
  ]);
  const sources = from?.map(({ source }) => sourceOf(source, surroundings)) ?? [[]];
  const operations = to?.map(({ operation }) => operationOf(operation)) ?? [[]];
  return {
    principals: sources.map((source) => allPrincipals([...source, ...ofSource])),
    permissions: operations.map((operation) => allPermissions([...operation, ...ofDestination])),
  };
}

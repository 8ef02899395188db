import { milliseconds, pack } from "../../../../envoy-api/index.ts";
import { ApiVersion } from "../../../../envoy-api/generated/envoy/config/core/v3/config_source_pb.ts";
import { RBAC_Action, type RBACSchema as RulesSchema } from "../../../../envoy-api/generated/envoy/config/rbac/v3/rbac_pb.ts";
import { ExtAuthzSchema } from "../../../../envoy-api/generated/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.ts";
import { RBACSchema } from "../../../../envoy-api/generated/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts";
import type { AuthorizationPolicy, ExternalAuthorizer, MeshSettings, ProxyView } from "../../../../model/index.ts";
import { authorizationOf, authorizerCluster } from "../../authorization.ts";
import type { NetworkFilter } from "../filter-chain.ts";
import type { Init } from "../init.ts";
import { rbacPolicies } from "./policies.ts";

const RBAC = "envoy.filters.network.rbac";
/** Istio's names, by which its users find statistics and metadata. */
const STAT_PREFIX = "tcp.";
const CUSTOM_PREFIX = "istio_ext_authz_";
const CUSTOM_POLICY = "istio-ext-authz";

/**
 * The AuthorizationPolicies of a workload for connections that carry no HTTP, as Envoy's own filters, in Istio's order: CUSTOM, AUDIT, DENY, ALLOW (its `BuildTCP`). They decide when the first
 * byte of the client comes.
 */
export function networkAuthorization(view: ProxyView): readonly NetworkFilter[] {
  const { authorizer, custom, policies } = authorizationOf(view);
  if (custom.length + policies.length === 0) return [];
  const settings = view.settings();
  const canAsk = authorizer?.type === "envoyExtAuthzGrpc";
  // Envoy asks about connections over gRPC alone. What cannot be asked about is denied.
  const denials = canAsk ? [] : custom.map((policy): AuthorizationPolicy => ({ ...policy, action: "DENY" }));
  const of = (action: AuthorizationPolicy["action"]) => policies.filter((policy) => policy.action === action);
  return [
    ...(canAsk ? ask(authorizer, custom, settings) : []),
    ...decide(RBAC_Action.LOG, of("AUDIT"), settings),
    ...decide(RBAC_Action.DENY, [...denials, ...of("DENY")], settings),
    ...decide(RBAC_Action.ALLOW, of("ALLOW"), settings),
  ];
}

function decide(action: RBAC_Action, policies: readonly AuthorizationPolicy[], settings: MeshSettings): readonly NetworkFilter[] {
  if (policies.length === 0) return [];
  const rules = rulesOf(
    action,
    policies.filter(({ dryRun }) => !dryRun),
    settings,
  );
  const shadowRules = rulesOf(
    action,
    policies.filter(({ dryRun }) => dryRun),
    settings,
  );
  return [
    rbac({
      ...(rules === undefined ? {} : { rules }),
      ...(shadowRules === undefined
        ? {}
        : { shadowRules, shadowRulesStatPrefix: action === RBAC_Action.ALLOW ? "istio_dry_run_allow_" : "istio_dry_run_deny_" }),
    }),
  ];
}

function rulesOf(
  action: RBAC_Action,
  policies: readonly AuthorizationPolicy[],
  settings: MeshSettings,
): Init<typeof RulesSchema> | undefined {
  // Policies of ALLOW without a rule for connections are there all the same: nothing is allowed by them.
  return policies.length === 0 ? undefined : { action, policies: rbacPolicies(policies, settings) };
}

/** One filter says whether some policy matches, and writes down which; the other asks where that is so. */
function ask(authorizer: ExternalAuthorizer, policies: readonly AuthorizationPolicy[], settings: MeshSettings): readonly NetworkFilter[] {
  const cluster = authorizerCluster(authorizer);
  const { timeout, failOpen } = authorizer.options;
  const shadowRules = { action: RBAC_Action.DENY, policies: rbacPolicies(policies, settings, `${CUSTOM_POLICY}-`) };
  return [
    rbac({ shadowRules, shadowRulesStatPrefix: CUSTOM_PREFIX }),
    {
      name: "envoy.filters.network.ext_authz",
      configType: {
        case: "typedConfig",
        value: pack(ExtAuthzSchema, {
          statPrefix: STAT_PREFIX,
          transportApiVersion: ApiVersion.V3,
          failureModeAllow: failOpen === true,
          grpcService: {
            // The name of the cluster is no authority.
            targetSpecifier: { case: "envoyGrpc", value: { clusterName: cluster, authority: cluster.replaceAll("|", "_.") } },
            timeout: milliseconds(typeof timeout === "number" ? timeout : LONGEST),
          },
          filterEnabledMetadata: {
            filter: RBAC,
            path: [{ segment: { case: "key", value: `${CUSTOM_PREFIX}shadow_effective_policy_id` } }],
            value: {
              matchPattern: { case: "stringMatch", value: { matchPattern: { case: "prefix", value: CUSTOM_POLICY } } },
            },
          },
        }),
      },
    },
  ];
}

/** Istio's default for the time of an answer. */
const LONGEST = 600_000;

function rbac(init: Init<typeof RBACSchema>): NetworkFilter {
  return { name: RBAC, configType: { case: "typedConfig", value: pack(RBACSchema, { statPrefix: STAT_PREFIX, ...init }) } };
}

import type { AuthorizationPolicy, ExternalAuthorizer, ProxyView } from "../../../../model/index.ts";
import { authorizationOf, authorizerCluster } from "../../authorization.ts";
import { connectionSettings } from "../../connection-settings.ts";
import type { Side } from "../side.ts";
import type { Configuration, FilterSettings } from "./settings.ts";

/** AuthorizationPolicies of the proxy's workload, but for those that `customAuthorization` has. */
export const authorization: FilterSettings = (view, side) => {
  const policies = authorizationOf(view).policies.filter(says).map(policyOf);
  return policies.length === 0 ? undefined : { ...surroundings(view, side), policies };
};

/** CUSTOM policies. They go before `authentication`, as in Istio: a provider may be the one that brings the token. */
export const customAuthorization: FilterSettings = (view, side) => {
  const { authorizer, custom } = authorizationOf(view);
  if (authorizer === undefined) return undefined;
  return { ...surroundings(view, side), extensionProviders: [providerOf(authorizer)], policies: custom.map(policyOf) };
};

/** What values of policies depend on. Envoy itself takes the client's address from `x-forwarded-for`, by the gateway's trusted proxies. */
function surroundings(view: ProxyView, side: Side): Configuration {
  const { trustDomain, trustDomainAliases } = view.settings();
  return {
    trustDomain,
    ...(trustDomainAliases.length === 0 ? {} : { trustDomainAliases }),
    pathNormalization: normalization(view, side),
  };
}

/** What Envoy does with paths (`listener/http-connection-manager.ts`), of which the filter denies what it was not done to. */
function normalization(view: ProxyView, side: Side): string {
  const { pathNormalization } = view.settings();
  const { httpMergeSlashes, httpPathWithEscapedSlashesAction: escaped } = connectionSettings(view, side === "gateway");
  if (pathNormalization === "NONE") return "NONE";
  if (!(httpMergeSlashes ?? pathNormalization.endsWith("MERGE_SLASHES"))) return "BASE";
  const keepsEscaped = escaped === undefined ? pathNormalization !== "DECODE_AND_MERGE_SLASHES" : escaped === "KEEP_UNCHANGED";
  return keepsEscaped ? "MERGE_SLASHES" : "DECODE_AND_MERGE_SLASHES";
}

/** AUDIT without rules marks nothing, and the filter refuses it. */
function says({ action, rules }: AuthorizationPolicy): boolean {
  return action === "ALLOW" || rules.length > 0;
}

function policyOf({ name, namespace, action, rules, dryRun, provider }: AuthorizationPolicy): Configuration {
  return {
    name,
    namespace,
    action,
    ...(dryRun ? { dryRun } : {}),
    ...(provider === undefined ? {} : { provider: { name: provider } }),
    rules,
  };
}

function providerOf(authorizer: ExternalAuthorizer): Configuration {
  const { service: _, port: _port, timeout, clearRouteCache: _always, ...options } = authorizer.options;
  const said = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return {
    name: authorizer.name,
    [authorizer.type]: {
      ...said,
      cluster: authorizerCluster(authorizer),
      ...(typeof timeout === "number" ? { timeout: `${timeout}ms` } : {}),
    },
  };
}

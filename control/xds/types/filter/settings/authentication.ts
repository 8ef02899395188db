import type { JwtRule, ProxyView } from "../../../../model/index.ts";
import { BLACK_HOLE_CLUSTER, jwksCluster } from "../../cluster-name.ts";
import { jwksUriOf } from "../../jwks.ts";
import type { Configuration, FilterSettings } from "./settings.ts";

/** The rules of all RequestAuthentications of the proxy's workload, those of the oldest first. Tokens come in where requests do. */
export const authentication: FilterSettings = (view, side) => {
  if (side === "outbound") return undefined;
  const jwtRules = view.policies("RequestAuthentication").flatMap(({ rules }) => rules.map((rule) => configurationOf(view, rule)));
  return jwtRules.length === 0 ? undefined : { jwtRules };
};

function configurationOf(view: ProxyView, rule: JwtRule): Configuration {
  const { issuer, audiences, fromHeaders, fromParams, fromCookies, outputPayloadToHeader, outputClaimToHeaders, forwardOriginalToken } =
    rule;
  return {
    ...(issuer === undefined ? {} : { issuer }),
    ...listed({ audiences }),
    ...keysOf(view, rule),
    ...listed({
      fromHeaders: fromHeaders.map(({ name, prefix }) => (prefix === undefined ? { name } : { name, prefix })),
      fromParams,
      fromCookies,
    }),
    ...(outputPayloadToHeader === undefined ? {} : { outputPayloadToHeader }),
    ...listed({ outputClaimToHeaders }),
    ...(forwardOriginalToken ? { forwardOriginalToken } : {}),
  };
}

function keysOf(view: ProxyView, rule: JwtRule): Configuration {
  const { keys, timeout } = rule;
  if ("jwks" in keys) return { jwks: keys.jwks };
  const uri = jwksUriOf(view, rule);
  // Nobody knows where the keys are: they are asked for where there is nobody, so that all tokens of the issuer are refused. A rule that was left out would let them pass.
  if (uri === undefined) return { jwksUri: "https://issuer.invalid/", jwksCluster: BLACK_HOLE_CLUSTER, timeout: "1ms" };
  return { jwksUri: uri.uri, jwksCluster: jwksCluster(uri), ...(timeout === undefined ? {} : { timeout: `${timeout}ms` }) };
}

/** Without the empty ones, which say nothing. */
function listed(lists: Readonly<Record<string, readonly unknown[]>>): Configuration {
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
}

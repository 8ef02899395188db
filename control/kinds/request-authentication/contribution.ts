import {
  type Contribution,
  type JwtKeys,
  type JwtRule,
  type MeshObject,
  readJwksUri,
  type RequestAuthentication,
} from "../../model/index.ts";
import type { JwtRuleSpec, RequestAuthenticationSpec } from "./fields.ts";
import { usableKeySet } from "./key-set.ts";

export function contribute(object: MeshObject<RequestAuthenticationSpec>): Contribution {
  const { metadata, spec } = object;
  const policy: RequestAuthentication = {
    name: metadata.name,
    namespace: metadata.namespace,
    selector: spec.selector?.matchLabels ?? {},
    object,
    rules: spec.jwtRules.map(ruleOf),
  };
  return { policies: [policy] };
}

function ruleOf(spec: JwtRuleSpec): JwtRule {
  const { issuer, audiences, fromHeaders, fromParams, fromCookies } = spec;
  const { outputPayloadToHeader, outputClaimToHeaders, forwardOriginalToken, timeout } = spec;
  const places = { fromHeaders, fromParams, fromCookies };
  const outputs = { outputPayloadToHeader, outputClaimToHeaders, forwardOriginalToken };
  return { issuer, audiences, keys: keysOf(spec), ...places, ...outputs, timeout };
}

function keysOf({ jwks, jwksUri, issuer = "" }: JwtRuleSpec): JwtKeys {
  if (jwks !== undefined) return { jwks: usableKeySet(jwks) };
  const uri = jwksUri === undefined ? undefined : readJwksUri(jwksUri);
  return uri === undefined || typeof uri === "string" ? { discovery: issuer } : { uri };
}

import { type FieldType, isMapping } from "../../model/fields/index.ts";
import type { MeshObject, PartReader } from "../../model/index.ts";
import { type JwtRuleSpec, parts, type RequestAuthenticationSpec, selector as selectorField } from "./fields.ts";

/**
 * What holds in the place of a policy that cannot be carried out as it is written: every token is refused in the usual places and in those where it looks, as far as they can be read, unless a rule of another
 * policy takes it; and the headers that it would have set reach nobody. Requests without a token pass, as they do with any RequestAuthentication: to ask for one is the business of an AuthorizationPolicy.
 */
export function standIn(_: Pick<MeshObject, "metadata">, body: unknown, read: PartReader): RequestAuthenticationSpec {
  const spec = isMapping(body) ? body : {};
  const selector = spec["selector"] === undefined ? undefined : read(selectorField, spec["selector"]);
  const rules = listOf(spec["jwtRules"]).map((rule) => refusing(isMapping(rule) ? rule : {}, read));
  return { selector, targetRef: undefined, targetRefs: undefined, jwtRules: [NOBODY, ...rules] };
}

/** Takes no token: nobody is this issuer, and there are no keys of it. */
const NOBODY: JwtRuleSpec = {
  issuer: "urn:meshwright:refused",
  audiences: [],
  jwksUri: undefined,
  jwks: undefined,
  fromHeaders: [],
  fromParams: [],
  fromCookies: [],
  outputPayloadToHeader: undefined,
  outputClaimToHeaders: [],
  forwardOriginalToken: false,
  timeout: undefined,
  spaceDelimitedClaims: [],
};

/** The places and headers of a rule without those that are wrong. */
function refusing(rule: Readonly<Record<string, unknown>>, read: PartReader): JwtRuleSpec {
  const each = <T>(type: FieldType<T>, name: string): T[] =>
    listOf(rule[name]).flatMap((entry) => {
      const found = read(type, entry);
      return found === undefined ? [] : [found];
    });
  return {
    ...NOBODY,
    fromHeaders: each(parts.tokenHeader, "fromHeaders"),
    fromParams: each(parts.param, "fromParams"),
    fromCookies: each(parts.cookie, "fromCookies"),
    outputPayloadToHeader: read(parts.payloadHeader, rule["outputPayloadToHeader"]),
    outputClaimToHeaders: each(parts.claimHeader, "outputClaimToHeaders"),
  };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

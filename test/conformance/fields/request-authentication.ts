import type { Evidences } from "./evidence.ts";

const SCENARIOS = "control/xds/types/filter/request-authentication.scenarios.ts";

export const requestAuthentication: Evidences = {
  "selector.matchLabels": `${SCENARIOS}: of all policies of the workload are joined: of the mesh, the namespace and the workload`,
  "jwtRules.issuer": `${SCENARIOS}: of the issuer, signed with a key of the set, passes; none passes too; any other is refused, with the words of Istio's`,
  "jwtRules.audiences": `${SCENARIOS}: must be for one of the audiences`,
  "jwtRules.jwksUri": `${SCENARIOS}: from a host that DNS knows, without TLS`,
  "jwtRules.jwks": `${SCENARIOS}: tokens are checked anew by the rule that a change brings`,
  "jwtRules.fromHeaders.name": `${SCENARIOS}: is looked for in headers, with their prefix`,
  "jwtRules.fromHeaders.prefix": `${SCENARIOS}: is looked for in headers, with their prefix`,
  "jwtRules.fromParams": `${SCENARIOS}: is looked for in the query, and in cookies`,
  "jwtRules.fromCookies": `${SCENARIOS}: is looked for in the query, and in cookies`,
  "jwtRules.outputPayloadToHeader": `${SCENARIOS}: leaves its payload and its claims in headers, where nobody else can write`,
  "jwtRules.outputClaimToHeaders.header": `${SCENARIOS}: leaves its payload and its claims in headers, where nobody else can write`,
  "jwtRules.outputClaimToHeaders.claim": `${SCENARIOS}: leaves its payload and its claims in headers, where nobody else can write`,
  "jwtRules.forwardOriginalToken": `${SCENARIOS}: is taken from the request, unless it is to be forwarded`,
  "jwtRules.timeout": `${SCENARIOS}: in the time that they may take, and no longer`,
  "jwtRules.spaceDelimitedClaims": {
    unseen: "`scope` and `permission` are lists of words whether they are named here or not, and other names are refused",
  },
};

/** Who a workload is: SPIFFE ids in the form that Istio gives them, `spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`. */
export { formatSpiffeId, type Identity, identityProblem, parseSpiffeId, sameIdentity } from "./spiffe-id.ts";
export { inTrustDomain, type TrustDomains } from "./trust-domains.ts";

/** How a workload proves who it is: by a join token, by the certificate that it has, or by the token of its Kubernetes service account. */
export { certificateProver } from "./certificate-prover.ts";
export { joinTokenProver } from "./join-token-prover.ts";
export { kubernetesProver, type KubernetesProverOptions } from "./kubernetes-prover.ts";
export type { Presented, Proof, ProofMethod, Prover } from "./prover.ts";
export { RateLimit, type RateLimitOptions } from "./rate-limit.ts";
export { type ClientIdentifier, clientsOf, goodClientCertificate } from "./clients-of.ts";

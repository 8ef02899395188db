/**
 * Identities of workloads: an authority that issues certificates, and the proofs for which it does.
 *
 * ```ts
 * const identity = await MeshIdentity.open({ directory: "state/ca", trustDomains: () => mesh.settings });
 * const { chain, roots } = await identity.certificates.create({ csr, authorization: ["Bearer mwj_..."], chain: [], lifetime: 0, source: "10.0.0.1:4711" });
 * const listener = await XdsListener.start(xds, { services: [istioCertificateService(identity.certificates)] });
 * ```
 */
export {
  Authority,
  type CertificateOrder,
  describeKey,
  EmbeddedSigner,
  type IssuedCertificate,
  PluggedInSigner,
  type Rotation,
  type RotationPhase,
  type Signer,
} from "./authority/index.ts";
export { Certificate, certificateIdentity, type ChainProblem, chainProblems } from "./chain/index.ts";
export { IdentityError, type IdentityErrorCode } from "./identity-error.ts";
export { MeshIdentity, type MeshIdentityOptions } from "./mesh-identity.ts";
export {
  type ClientIdentifier,
  clientsOf,
  goodClientCertificate,
  kubernetesProver,
  type KubernetesProverOptions,
  type Prover,
  RateLimit,
} from "./proof/index.ts";
export { type Revocation, Revocations } from "./revocations/index.ts";
export { type KeyAndRequest, newRequest } from "./request/index.ts";
export {
  CertificateService,
  type ClientRequest,
  CREATE_CERTIFICATE,
  type IdentityObserver,
  istioCertificateService,
  peerChain,
} from "./service/index.ts";
export {
  formatSpiffeId,
  type Identity,
  identityProblem,
  inTrustDomain,
  parseSpiffeId,
  sameIdentity,
  type TrustDomains,
} from "./spiffe/index.ts";
export { MeshServerCertificate, type MeshServerCertificateOptions } from "./tls/index.ts";
export { type JoinToken, type JoinTokenRequest, JoinTokens } from "./tokens/index.ts";

/** Certificates on request: who asks is asked for proof, what was proved is what the certificate says, and everything is counted and said. Over gRPC as Istio's `IstioCertificateService`. */
export {
  CertificateService,
  type CertificateServiceOptions,
  type ClientRequest,
  type IdentityObserver,
  type IssuedEvent,
  type RefusedEvent,
} from "./certificate-service.ts";
export { istioCertificateService, peerChain } from "./istio-certificate-service.ts";
export { CREATE_CERTIFICATE } from "./create-certificate.ts";

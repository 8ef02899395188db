/**
 * The identity of one proxy: a key that is made beside it and never leaves this machine, a certificate for it from the control service, renewed in time, and secrets over SDS
 * for the Envoy beside it.
 *
 * ```ts
 * await using identity = await ProxyIdentity.start({ source, workload, token, socket: "/run/.../sds", log });
 * // Envoy's cluster `sds-grpc` is that socket
 * ```
 */
export { CertificateRefusal, type CertificateSource } from "./certificate-client.ts";
export { ProxyIdentity, type ProxyIdentityOptions } from "./proxy-identity.ts";

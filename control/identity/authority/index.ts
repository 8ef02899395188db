/**
 * The certificate authority of a mesh: what a request may ask for, what a certificate says, who signs it, and which roots are trusted.
 *
 * ```ts
 * const signer = await EmbeddedSigner.open("state/ca", { name: "cluster.local" });
 * const authority = new Authority({ signer });
 * const { chain, roots } = await authority.sign(csr, { trustDomain: "cluster.local", namespace: "default", serviceAccount: "reviews" });
 * ```
 */
export { Authority, type AuthorityOptions, type IssuedCertificate } from "./authority.ts";
export { type CertificateRequest, readRequest } from "./certificate-request.ts";
export { EmbeddedSigner, type EmbeddedSignerOptions, type Rotation, type RotationPhase } from "./embedded-signer.ts";
export { isPluggedIn, PluggedInSigner, type PluggedInSignerOptions } from "./plugged-in-signer.ts";
export { describeKey } from "./key-strength.ts";
export type { CertificateOrder, Signer } from "./signer.ts";

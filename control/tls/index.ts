/** TLS of the control service's own addresses: the certificate that it shows, which changes while it runs, and what both sides may not do. */
export { FileCertificate } from "./file-certificate.ts";
export { type ServerCertificate, type ServerKeyPair } from "./server-certificate.ts";
export { contextOf, HANDSHAKE_TIMEOUT } from "./context.ts";

/** TLS of the control service: a certificate of its own from the mesh's authority, and clients asked for theirs. */
export { MeshServerTls, type MeshServerTlsOptions } from "./mesh-server-tls.ts";

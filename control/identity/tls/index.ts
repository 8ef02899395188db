/** The control service's own certificate, from the mesh's authority. */
export { MeshServerCertificate, type MeshServerCertificateOptions } from "./mesh-server-certificate.ts";

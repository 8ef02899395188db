// Names under which proxies ask for secrets, as Istio has them.

/** Of a secret of the proxy's namespace: `kubernetes://NAME`. */
export function credentialResource(name: string): string {
  return name.startsWith(KUBERNETES) ? name : `${KUBERNETES}${name}`;
}

/** Of the certificates to trust that belong to a credential: in a secret `NAME-cacert`, or in the credential itself. */
export function credentialCaResource(name: string): string {
  return `${credentialResource(name)}${CA_SUFFIX}`;
}

/**
 * Of a certificate and its key in files beside the proxy.
 *
 * @param crl the list that the same TLS looks at, which makes it a resource apart: whoever shares one with TLS whose list Envoy cannot read is not told of a new certificate either
 */
export function certificateFileResource(certificate: string, privateKey: string, crl?: string): string {
  return `${FILE_CERTIFICATE}${certificate}~${privateKey}${crl === undefined ? "" : CRL + crl}`;
}

/** Of a file with certificates to trust beside the proxy, and one with those that hold no more. */
export function caFileResource(file: string, crl?: string): string {
  return `${FILE_ROOT}${file}${crl === undefined ? "" : CRL + crl}`;
}

/** Of the authorities of the mesh, and a file beside the proxy with certificates of theirs that hold no more. */
export function meshRootsResource(crl: string): string {
  return `${MESH_ROOTS}${CRL}${crl}`;
}

/** The path before it, and the list behind it. */
export function splitCrl(path: string): readonly [path: string, crl: string | undefined] {
  const at = path.indexOf(CRL);
  return at < 0 ? [path, undefined] : [path.slice(0, at), path.slice(at + CRL.length)];
}

export const KUBERNETES = "kubernetes://";
export const CA_SUFFIX = "-cacert";
export const FILE_CERTIFICATE = "file-cert:";
export const MESH_ROOTS = "mesh-roots:";
export const FILE_ROOT = "file-root:";
const CRL = "~crl:";
/** In the place of a file: the authorities that everybody trusts, Istio's word for them. */
export const SYSTEM = "system";

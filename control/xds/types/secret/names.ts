// Names under which proxies ask for secrets, as Istio has them.

/** Of a secret of the proxy's namespace: `kubernetes://NAME`. */
export function credentialResource(name: string): string {
  return name.startsWith(KUBERNETES) ? name : `${KUBERNETES}${name}`;
}

/** Of the certificates to trust that belong to a credential: in a secret `NAME-cacert`, or in the credential itself. */
export function credentialCaResource(name: string): string {
  return `${credentialResource(name)}${CA_SUFFIX}`;
}

/** Of a certificate and its key in files beside the proxy. */
export function certificateFileResource(certificate: string, privateKey: string): string {
  return `${FILE_CERTIFICATE}${certificate}~${privateKey}`;
}

/** Of a file with certificates to trust beside the proxy. */
export function caFileResource(file: string): string {
  return `${FILE_ROOT}${file}`;
}

export const KUBERNETES = "kubernetes://";
export const CA_SUFFIX = "-cacert";
export const FILE_CERTIFICATE = "file-cert:";
export const FILE_ROOT = "file-root:";
/** In the place of a file: the authorities that everybody trusts, Istio's word for them. */
export const SYSTEM = "system";

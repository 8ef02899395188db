import { create } from "@bufbuild/protobuf";
import { type DataSource, DataSourceSchema } from "../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import { type Secret, SecretSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import type { ProxyView } from "../../../model/index.ts";
import type { XdsType } from "../xds-type.ts";
import { CA_SUFFIX, FILE_CERTIFICATE, FILE_ROOT, KUBERNETES, MESH_ROOTS, splitCrl, SYSTEM } from "./names.ts";
import { referredSecrets } from "./referred.ts";
import { reworded } from "./reworded.ts";
import { systemAuthorities } from "./system.ts";

export { MESH_AUTHORITIES, meshSecret, OWN_CERTIFICATE, SECRETS_CLUSTER } from "./mesh-secrets.ts";
export { caFileResource, certificateFileResource, credentialCaResource, credentialResource, meshRootsResource, SYSTEM } from "./names.ts";

/** Certificates and keys that the proxy's own configuration refers to, and no others. One that is not there is not answered. */
export const secretType: XdsType<typeof SecretSchema> = {
  name: "secret",
  schema: SecretSchema,
  rules: { order: 5, complete: false, wildcard: false, sensitive: true, reworded },
  units: referredSecrets,
  translate(view, name) {
    const message = secretOf(view, name);
    return message === undefined ? [] : [{ name, message }];
  },
};

function secretOf(view: ProxyView, name: string): Secret | undefined {
  if (name.startsWith(FILE_CERTIFICATE)) {
    const [certificate = "", privateKey = ""] = splitCrl(name.slice(FILE_CERTIFICATE.length))[0].split("~");
    return certificateOf(name, {
      certificateChain: file(certificate),
      privateKey: file(privateKey),
      watchedDirectory: { path: folderOf(certificate) },
    });
  }
  if (name.startsWith(MESH_ROOTS)) {
    const [, crl = ""] = splitCrl(name.slice(MESH_ROOTS.length));
    const roots = view.roots();
    const value = { trustedCa: inline(roots.join("\n")), crl: file(crl), watchedDirectory: { path: folderOf(crl) } };
    return roots.length === 0 ? undefined : create(SecretSchema, { name, type: { case: "validationContext", value } });
  }
  if (name.startsWith(FILE_ROOT)) {
    const [path, crlPath] = splitCrl(name.slice(FILE_ROOT.length));
    const crl = crlPath === undefined ? {} : { crl: file(crlPath) };
    if (path === SYSTEM)
      return create(SecretSchema, { name, type: { case: "validationContext", value: { trustedCa: inline(systemAuthorities()), ...crl } } });
    return create(SecretSchema, {
      name,
      type: { case: "validationContext", value: { trustedCa: file(path), ...crl, watchedDirectory: { path: folderOf(path) } } },
    });
  }
  const credential = name.slice(KUBERNETES.length);
  return credential.endsWith(CA_SUFFIX) ? caOf(view, name, credential) : pairOf(view, name, credential);
}

function pairOf(view: ProxyView, name: string, credential: string): Secret | undefined {
  const secret = view.secret(credential);
  if (secret?.certificate === undefined || secret.privateKey === undefined) return undefined;
  return certificateOf(name, { certificateChain: inline(secret.certificate), privateKey: inline(secret.privateKey) });
}

/** Istio looks for a secret of its own first, then for certificates to trust beside the credential. */
function caOf(view: ProxyView, name: string, credential: string): Secret | undefined {
  const own = view.secret(credential);
  const secret =
    own?.caCertificates === undefined && own?.certificate === undefined ? view.secret(credential.slice(0, -CA_SUFFIX.length)) : own;
  // Istio takes `tls.crt` of a secret NAME-cacert too.
  const trusted = secret?.caCertificates ?? (secret === own ? own?.certificate : undefined);
  if (secret === undefined || trusted === undefined) return undefined;
  const crl = secret.crl === undefined ? {} : { crl: inline(secret.crl) };
  return create(SecretSchema, { name, type: { case: "validationContext", value: { trustedCa: inline(trusted), ...crl } } });
}

interface Pair {
  readonly certificateChain: DataSource;
  readonly privateKey: DataSource;
  readonly watchedDirectory?: { readonly path: string };
}

function certificateOf(name: string, value: Pair): Secret {
  return create(SecretSchema, { name, type: { case: "tlsCertificate", value } });
}

function file(filename: string): DataSource {
  return create(DataSourceSchema, { specifier: { case: "filename", value: filename } });
}

function inline(pem: string): DataSource {
  return create(DataSourceSchema, { specifier: { case: "inlineBytes", value: Buffer.from(pem) } });
}

/** Envoy reads files again when something is moved into their folder, as Kubernetes does with mounted secrets. */
function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

import { create } from "@bufbuild/protobuf";
import { DataSourceSchema } from "../../../control/envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import type { CertificateValidationContext } from "../../../control/envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/common_pb.ts";
import type { Secret } from "../../../control/envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import type { DownstreamTlsContext } from "../../../control/envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import { identityOf, type TlsIdentity } from "../../../harness/envoy/chain/certificates.ts";
import { SERVER_PRINCIPAL } from "../../../harness/target/index.ts";

/**
 * Puts generated certificates in the place of those in a secret: clients of every principal are made up here, so the authority that is trusted must be ours too, and files of the proxy are not on this machine. That a secret is not
 * there, and which names clients must have, stays as it is.
 */
export function replaceCertificates({ type }: Secret): void {
  const { certificate, key, authority }: TlsIdentity = identityOf(SERVER_PRINCIPAL);
  if (type.case === "tlsCertificate") {
    type.value.certificateChain = inline(certificate);
    type.value.privateKey = inline(key);
    delete type.value.watchedDirectory;
  } else if (type.case === "validationContext") {
    type.value.trustedCa = inline(authority);
    forgetCertificates(type.value);
  }
}

/** The same for what stands in a listener itself. */
export function trustOurs({ commonTlsContext }: DownstreamTlsContext): void {
  const type = commonTlsContext?.validationContextType;
  if (type?.case === "combinedValidationContext" && type.value.defaultValidationContext !== undefined)
    forgetCertificates(type.value.defaultValidationContext);
  else if (type?.case === "validationContext") forgetCertificates(type.value);
}

/** No certificate that is made up has a digest that somebody has written down, or stands in a list of those revoked. */
function forgetCertificates(context: CertificateValidationContext): void {
  context.verifyCertificateHash = [];
  context.verifyCertificateSpki = [];
  delete context.crl;
  delete context.watchedDirectory;
}

function inline(pem: string) {
  return create(DataSourceSchema, { specifier: { case: "inlineBytes", value: Buffer.from(pem) } });
}

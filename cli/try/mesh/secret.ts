import { create } from "@bufbuild/protobuf";
import { DataSourceSchema } from "../../../control/envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import {
  type CertificateValidationContext,
  CertificateValidationContextSchema,
  type TlsCertificate,
  TlsCertificateSchema,
} from "../../../control/envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/common_pb.ts";
import type { SdsSecretConfig, Secret } from "../../../control/envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import type { DownstreamTlsContext } from "../../../control/envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import { identityOf, type TlsIdentity } from "../../../harness/envoy/chain/certificates.ts";

/** The certificates that are made up for a private Envoy. */
export class MadeUpCertificates {
  private readonly own: TlsIdentity;

  /** @param principal of the proxy's workload */
  constructor(principal: string) {
    this.own = identityOf(principal);
  }

  /**
   * Puts ours in the place of those in a secret: clients of every principal are made up here, so the authority that is trusted must be ours too, and files of the proxy are not on this machine. That a
   * secret is not there, and which names clients must have, stays as it is.
   */
  replaceSecret({ type }: Secret): void {
    if (type.case === "tlsCertificate") type.value = this.certificate();
    else if (type.case === "validationContext") this.trust(type.value);
  }

  /** The same for what stands in a listener, and for what a proxy gets from beside it: there is nobody beside a private one. */
  replaceIn({ commonTlsContext: common }: DownstreamTlsContext): void {
    if (common === undefined) return;
    if (common.tlsCertificateSdsSecretConfigs.some(isFromBeside)) {
      common.tlsCertificateSdsSecretConfigs = [];
      common.tlsCertificates = [this.certificate()];
    }
    const { validationContextType: type } = common;
    if (type.case === "validationContext") forgetCertificates(type.value);
    if (type.case !== "combinedValidationContext") return;
    const { defaultValidationContext: context = create(CertificateValidationContextSchema), validationContextSdsSecretConfig: secret } =
      type.value;
    forgetCertificates(context);
    if (secret === undefined || !isFromBeside(secret)) return;
    this.trust(context);
    common.validationContextType = { case: "validationContext", value: context };
  }

  private certificate(): TlsCertificate {
    const { certificate, key } = this.own;
    return create(TlsCertificateSchema, { certificateChain: inline(certificate), privateKey: inline(key) });
  }

  private trust(context: CertificateValidationContext): void {
    context.trustedCa = inline(this.own.authority);
    forgetCertificates(context);
  }
}

/** Whether a secret comes by another way than all else. */
function isFromBeside({ sdsConfig }: SdsSecretConfig): boolean {
  return sdsConfig?.configSourceSpecifier.case !== "ads";
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

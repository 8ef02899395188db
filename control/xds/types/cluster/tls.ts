import { create, type MessageInitShape } from "@bufbuild/protobuf";

import { UpstreamHttpProtocolOptionsSchema } from "../../../envoy-api/generated/envoy/config/core/v3/protocol_pb.ts";
import { ProxyProtocolConfig_Version } from "../../../envoy-api/generated/envoy/config/core/v3/proxy_protocol_pb.ts";
import { TransportSocketSchema as SocketSchema } from "../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import { ProxyProtocolUpstreamTransportSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.ts";
import { RawBufferSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts";
import {
  type CertificateValidationContextSchema,
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/common_pb.ts";
import type { SdsSecretConfigSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import {
  type CommonTlsContextSchema,
  UpstreamTlsContextSchema,
} from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import { pack } from "../../../envoy-api/index.ts";
import type { ClientTls, EffectivePolicy, MeshSettings } from "../../../model/index.ts";
import { fromAds } from "../config-source.ts";
import { caFileResource, certificateFileResource, credentialCaResource, credentialResource, SYSTEM } from "../secret/names.ts";
import { type ClusterDraft, optionsOf } from "./draft.ts";

type Socket = MessageInitShape<typeof SocketSchema>;

export interface TlsSettings {
  readonly tls: ClientTls;
  /** Of a ServiceEntry: what holds where the policy names none. */
  readonly subjectAltNames: readonly string[];
  readonly http2: boolean;
  readonly settings: Pick<MeshSettings, "tlsDefaults" | "verifyCertificateAtClient">;
}

/** Originates TLS (Istio's `constructUpstreamTLS`). Without a name for SNI the request's host is it, and the certificate must be for that name. */
export function applyTls(draft: ClusterDraft, { tls, subjectAltNames, http2, settings }: TlsSettings): void {
  if (tls.mode === "DISABLE") return;
  const sans = tls.subjectAltNames.length > 0 ? tls.subjectAltNames : subjectAltNames;
  const isChecked = checksServer(tls, settings);
  const common: MessageInitShape<typeof CommonTlsContextSchema> = {
    tlsParams: {
      tlsMinimumProtocolVersion: TlsParameters_TlsProtocol[settings.tlsDefaults.minProtocolVersion === "TLSV1_3" ? "TLSv1_3" : "TLSv1_2"],
      tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
      ecdhCurves: [...settings.tlsDefaults.ecdhCurves],
      cipherSuites: [...settings.tlsDefaults.cipherSuites],
    },
    alpnProtocols: http2 ? ["h2"] : [],
    tlsCertificateSdsSecretConfigs: tls.mode === "SIMPLE" ? [] : [secret(certificateName(tls))],
    ...(isChecked ? validation(tls, sans) : { validationContextType: { case: "validationContext" as const, value: {} } }),
  };
  draft.cluster.transportSocket = create(SocketSchema, {
    name: "envoy.transport_sockets.tls",
    configType: { case: "typedConfig", value: pack(UpstreamTlsContextSchema, { commonTlsContext: common, sni: tls.sni ?? "" }) },
  });
  if (tls.sni !== undefined) return;
  optionsOf(draft).upstreamHttpProtocolOptions = create(UpstreamHttpProtocolOptionsSchema, {
    autoSni: true,
    autoSanValidation: sans.length === 0 && isChecked,
  });
}

function certificateName({ credentialName, clientCertificate = "", privateKey = "", caCrl }: ClientTls): string {
  return credentialName === undefined ? certificateFileResource(clientCertificate, privateKey, caCrl) : credentialResource(credentialName);
}

/** What a secret that is missing costs: new connections fail, at once and only there, as its cluster goes on without it. */
function secret(name: string): MessageInitShape<typeof SdsSecretConfigSchema> {
  return { name, sdsConfig: fromAds(1_000) };
}

/** A server is always checked, unless the rule says in so many words that it is not, or names no authorities where the mesh wants only those that are named. */
function checksServer({ insecureSkipVerify, caCertificates, credentialName }: ClientTls, settings: TlsSettings["settings"]): boolean {
  if (insecureSkipVerify === true) return false;
  return settings.verifyCertificateAtClient || caCertificates !== undefined || credentialName !== undefined;
}

/** Without certificates to trust those of the system hold. */
function validation(
  tls: ClientTls,
  sans: readonly string[],
): Pick<MessageInitShape<typeof CommonTlsContextSchema>, "validationContextType"> {
  const { caCertificates, credentialName, caCrl } = tls;
  const own: MessageInitShape<typeof CertificateValidationContextSchema> = {
    matchTypedSubjectAltNames: sans.flatMap(matchersOf),
  };
  const resource = credentialName === undefined ? caFileResource(caCertificates ?? SYSTEM, caCrl) : credentialCaResource(credentialName);
  return {
    validationContextType: {
      case: "combinedValidationContext",
      value: { defaultValidationContext: own, validationContextSdsSecretConfig: secret(resource) },
    },
  };
}

/** A name matches whatever its type in the certificate is, as with the untyped matchers that Istio sends. */
export function matchersOf(san: string) {
  const matcher = { matchPattern: { case: "exact" as const, value: san } };
  const { DNS, URI, EMAIL, IP_ADDRESS } = SubjectAltNameMatcher_SanType;
  return [DNS, URI, EMAIL, IP_ADDRESS].map((sanType) => ({ sanType, matcher }));
}

/** Tells the host who the client is, before everything else on the connection. */
export function applyProxyProtocol({ cluster }: ClusterDraft, version: NonNullable<EffectivePolicy["proxyProtocol"]>): void {
  const raw: Socket = { name: "envoy.transport_sockets.raw_buffer", configType: { case: "typedConfig", value: pack(RawBufferSchema, {}) } };
  const wrapped = (inner: Socket) =>
    create(SocketSchema, {
      name: "envoy.transport_sockets.upstream_proxy_protocol",
      configType: {
        case: "typedConfig",
        value: pack(ProxyProtocolUpstreamTransportSchema, {
          config: { version: version === "V1" ? ProxyProtocolConfig_Version.V1 : ProxyProtocolConfig_Version.V2 },
          transportSocket: inner,
        }),
      },
    });
  if (cluster.transportSocketMatches.length === 0) cluster.transportSocket = wrapped(cluster.transportSocket ?? raw);
  for (const match of cluster.transportSocketMatches) match.transportSocket = wrapped(match.transportSocket ?? raw);
}

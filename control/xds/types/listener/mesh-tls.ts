import {
  SubjectAltNameMatcher_SanType as SanType,
  TlsParameters_TlsProtocol as TlsProtocol,
} from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/common_pb.ts";
import { type ProxyView, SPIFFE } from "../../../model/index.ts";
import { MESH_AUTHORITIES, meshSecret, OWN_CERTIFICATE } from "../secret/index.ts";
import type { TlsContext } from "./filter-chain.ts";

/** What a client's connection of the mesh's own TLS may carry, as its ALPN says: bytes, or HTTP of a version. `istio-peer-exchange` is Istio's exchange of metadata over TCP, which stock Envoys lack. */
export const MESH_HTTP: readonly string[] = ["istio-http/1.0", "istio-http/1.1", "istio-h2"];
export const MESH_TCP: readonly string[] = ["istio-peer-exchange", "istio"];
export const MESH_ANY: readonly string[] = ["istio", "istio-peer-exchange", ...MESH_HTTP];

/** Istio's `SupportedCiphers`, for TLS 1.2; those of 1.3 are not chosen. */
const CIPHERS: readonly string[] = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-GCM-SHA256",
];

/** mTLS of the mesh before a workload (Istio's `BuildInboundTLS`): a client must have a certificate of the mesh, for an id of its trust domain or of an alias. */
export function meshTls(view: ProxyView): TlsContext {
  const { trustDomain, trustDomainAliases, meshMtls } = view.settings();
  const client = view.client();
  const domains = [...new Set([trustDomain, ...trustDomainAliases])];
  return {
    requireClientCertificate: true,
    commonTlsContext: {
      alpnProtocols: ["h2", "http/1.1"],
      tlsParams: {
        tlsMinimumProtocolVersion: meshMtls.minProtocolVersion === "TLSV1_3" ? TlsProtocol.TLSv1_3 : TlsProtocol.TLSv1_2,
        tlsMaximumProtocolVersion: TlsProtocol.TLSv1_3,
        cipherSuites: [...(meshMtls.cipherSuites.length > 0 ? meshMtls.cipherSuites : CIPHERS)],
      },
      tlsCertificateSdsSecretConfigs: [meshSecret(OWN_CERTIFICATE, client)],
      validationContextType: {
        case: "combinedValidationContext",
        value: {
          defaultValidationContext: {
            matchTypedSubjectAltNames: domains.map((domain) => ({
              sanType: SanType.URI,
              matcher: { matchPattern: { case: "prefix", value: `${SPIFFE}${domain}/` } },
            })),
          },
          validationContextSdsSecretConfig: meshSecret(MESH_AUTHORITIES, client),
        },
      },
    },
  };
}

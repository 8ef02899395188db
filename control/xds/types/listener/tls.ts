import {
  type CertificateValidationContextSchema,
  CertificateValidationContext_TrustChainVerification as TrustChain,
  SubjectAltNameMatcher_SanType as SanType,
  TlsParameters_TlsProtocol as TlsProtocol,
} from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/common_pb.ts";
import type { SdsSecretConfigSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import type { CommonTlsContextSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import type { MeshSettings, ProxyView, ServerTls, TlsVersion } from "../../../model/index.ts";
import { fromAds } from "../config-source.ts";
import {
  caFileResource,
  certificateFileResource,
  credentialCaResource,
  credentialResource,
  MESH_AUTHORITIES,
  meshSecret,
  OWN_CERTIFICATE,
  meshRootsResource,
} from "../secret/index.ts";
import type { TlsContext } from "./filter-chain.ts";
import type { Init } from "./init.ts";

const VERSIONS: Readonly<Record<TlsVersion, TlsProtocol>> = {
  TLSV1_0: TlsProtocol.TLSv1_0,
  TLSV1_1: TlsProtocol.TLSv1_1,
  TLSV1_2: TlsProtocol.TLSv1_2,
  TLSV1_3: TlsProtocol.TLSv1_3,
};

/**
 * How long a listener waits for a secret before it listens without; connections for that certificate are cut off until it is there, all others are served. Envoy's default of
 * 15 s would keep the whole port closed for so long because of one missing secret.
 */
const SECRET_TIMEOUT = 1_000;

/** TLS that ends here, with certificates from files beside the proxy or from secrets, all by SDS, so that new ones need no new listener. */
export function downstreamTls(view: ProxyView, tls: ServerTls): TlsContext {
  if (tls.mode === "ISTIO_MUTUAL") return withMeshCertificates(view, tls);
  const verifies = tls.mode === "MUTUAL" || tls.mode === "OPTIONAL_MUTUAL";
  return {
    requireClientCertificate: tls.mode === "MUTUAL",
    commonTlsContext: {
      alpnProtocols: ["h2", "http/1.1"],
      tlsCertificateSdsSecretConfigs: certificates(tls).map(secret),
      ...parameters(tls, view.settings()),
      ...(verifies ? clientCertificates(tls) : {}),
    },
  };
}

/**
 * Clients must have a certificate of the mesh, and of one of the names where there are any (Istio's `BuildListenerTLSContext`). A list of revoked ones comes with the authorities in a secret of ours, where those
 * are known: a list that Envoy cannot read then closes the connections for which it is asked, and not the whole port. Where they are not, the authorities come from the proxy's own socket, and to what comes by SDS nothing
 * but the listener's own context can add a list (`CombinedCertificateValidationContext`): fail closed, with the port.
 */
function withMeshCertificates(view: ProxyView, tls: ServerTls): TlsContext {
  const client = view.client();
  const list = tls.caCrl !== undefined && view.roots().length > 0 ? meshRootsResource(tls.caCrl) : undefined;
  return {
    requireClientCertificate: true,
    commonTlsContext: {
      alpnProtocols: ["h2", "http/1.1"],
      tlsCertificateSdsSecretConfigs: [meshSecret(OWN_CERTIFICATE, client)],
      ...parameters(tls, view.settings()),
      validationContextType: {
        case: "combinedValidationContext",
        value: {
          defaultValidationContext: {
            ...expected(tls),
            ...(tls.caCrl === undefined || list !== undefined ? {} : { crl: { specifier: { case: "filename", value: tls.caCrl } } }),
          },
          validationContextSdsSecretConfig: list === undefined ? meshSecret(MESH_AUTHORITIES, client) : secret(list),
        },
      },
    },
  };
}

function certificates({ credentialNames, certificates: pairs, serverCertificate, privateKey, caCrl }: ServerTls): readonly string[] {
  if (credentialNames.length > 0) return credentialNames.map(credentialResource);
  if (pairs.length > 0) return pairs.map((pair) => certificateFileResource(pair.certificate, pair.privateKey, caCrl));
  return serverCertificate === undefined || privateKey === undefined ? [] : [certificateFileResource(serverCertificate, privateKey, caCrl)];
}

function secret(name: string): Init<typeof SdsSecretConfigSchema> {
  return { name, sdsConfig: fromAds(SECRET_TIMEOUT) };
}

function parameters(tls: ServerTls, { tlsDefaults }: MeshSettings): Init<typeof CommonTlsContextSchema> {
  const minimum = tls.minProtocolVersion ?? tlsDefaults.minProtocolVersion;
  const maximum = tls.maxProtocolVersion;
  const cipherSuites = tls.cipherSuites.length > 0 ? tls.cipherSuites : tlsDefaults.cipherSuites;
  const ecdhCurves = tls.ecdhCurves.length > 0 ? tls.ecdhCurves : tlsDefaults.ecdhCurves;
  if (minimum === undefined && maximum === undefined && cipherSuites.length === 0 && ecdhCurves.length === 0) return {};
  return {
    tlsParams: {
      ...(minimum === undefined ? {} : { tlsMinimumProtocolVersion: VERSIONS[minimum] }),
      ...(maximum === undefined ? {} : { tlsMaximumProtocolVersion: VERSIONS[maximum] }),
      cipherSuites: [...cipherSuites],
      ecdhCurves: [...ecdhCurves],
    },
  };
}

/** Which certificates of clients are good: signed by one that is trusted, not revoked, and of one of the names or digests. */
function clientCertificates(tls: ServerTls): Init<typeof CommonTlsContextSchema> {
  const { credentialNames, caCertCredentialName, caCertificates, certificates: pairs, caCrl } = tls;
  const [credential] = credentialNames;
  const file = caCertificates ?? pairs[0]?.caCertificates;
  const trusted =
    caCertCredentialName !== undefined
      ? credentialCaResource(caCertCredentialName)
      : credential !== undefined
        ? credentialCaResource(credential)
        : caFileResource(file ?? "", caCrl);
  return {
    validationContextType: {
      case: "combinedValidationContext",
      value: {
        defaultValidationContext: {
          ...expected(tls),
        },
        validationContextSdsSecretConfig: secret(trusted),
      },
    },
  };
}

/** Of which names or digests a client's certificate must be one, and whether it matters who has signed it. */
function expected({
  subjectAltNames,
  verifyCertificateSpki,
  verifyCertificateHash,
  insecureSkipVerify,
}: ServerTls): Init<typeof CertificateValidationContextSchema> {
  return {
    matchTypedSubjectAltNames: subjectAltNames.flatMap((value) =>
      [SanType.DNS, SanType.URI, SanType.EMAIL, SanType.IP_ADDRESS].map((sanType) => ({
        sanType,
        matcher: { matchPattern: { case: "exact" as const, value } },
      })),
    ),
    verifyCertificateSpki: [...verifyCertificateSpki],
    verifyCertificateHash: [...verifyCertificateHash],
    ...(insecureSkipVerify ? { trustChainVerification: TrustChain.ACCEPT_UNTRUSTED } : {}),
  };
}

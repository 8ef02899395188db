import { boolean, choice, defaulted, type FieldType, list, object, optional, type ReadContext, required, text } from "../fields/index.ts";
import type { ServerTls } from "../gateway.ts";
import { Code } from "../problem.ts";

// TLS that ends at a proxy: of Gateway's servers and of Sidecar's ingress (`istio.networking.v1alpha3.ServerTLSSettings`).

const version = choice("TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3");

/** Names of BoringSSL; Istio takes these, and ignores others (`security.ValidCipherSuites`). */
const CIPHERS: ReadonlySet<string> = new Set([
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-SHA",
  "ECDHE-RSA-AES128-SHA",
  "ECDHE-ECDSA-AES256-SHA",
  "ECDHE-RSA-AES256-SHA",
  "AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-SHA",
  "AES256-SHA",
  "DES-CBC3-SHA",
]);

/** Names of BoringSSL (Istio's `security.ValidECDHCurves`). */
export const ECDH_CURVES: ReadonlySet<string> = new Set([
  "P-224",
  "P-256",
  "P-384",
  "P-521",
  "X25519",
  "X25519Kyber768Draft00",
  "X25519MLKEM768",
]);

const tlsCertificate = object({
  serverCertificate: required(text(), "Path of the certificate on the proxy's machine."),
  privateKey: required(text(), "Path of its key."),
  caCertificates: optional(text(), "Path of certificates that sign clients'."),
});

const fields = object({
  httpsRedirect: defaulted(boolean, false, "Plain HTTP is answered with a redirect (301) to HTTPS."),
  mode: defaulted(
    choice("PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"),
    "PASSTHROUGH",
    "PASSTHROUGH routes by SNI and ends no TLS, SIMPLE has a certificate, MUTUAL wants one of clients too, OPTIONAL_MUTUAL takes it where there is one, ISTIO_MUTUAL has those of the mesh, AUTO_PASSTHROUGH passes on the mesh's own mTLS to the service that its SNI names.",
  ),
  serverCertificate: optional(text(), "Path of the certificate on the proxy's machine."),
  privateKey: optional(text(), "Path of its key."),
  caCertificates: optional(text(), "Path of certificates that sign clients'."),
  caCrl: optional(text(), "Path of certificates that were revoked."),
  tlsCertificates: optional(list(tlsCertificate, { most: 2 }), "Up to two certificates, one for RSA and one for ECDSA."),
  credentialName: optional(text(), "Name of a Secret in the namespace of the gateway's proxies."),
  credentialNames: optional(list(text(), { least: 1, most: 2 }), "Names of up to two Secrets, one for RSA and one for ECDSA."),
  caCertCredentialName: optional(text(), "Name of a Secret with `ca.crt`, in place of that of `credentialName`."),
  subjectAltNames: defaulted(list(text()), [], "Of which a client's certificate must have one."),
  verifyCertificateSpki: defaulted(list(text()), [], "Base64 of SHA-256 of public keys, of which a client's must be one."),
  verifyCertificateHash: defaulted(list(text()), [], "SHA-256 of certificates, in hex, of which a client's must be one."),
  minProtocolVersion: defaulted(version, "TLS_AUTO", "Lowest version of TLS. Default: 1.2."),
  maxProtocolVersion: defaulted(version, "TLS_AUTO", "Highest version of TLS. Default: 1.3."),
  cipherSuites: defaulted(list(text()), [], "Ciphers for TLS up to 1.2, in the names of BoringSSL. Default: Envoy's."),
  ecdhCurves: defaulted(list(text()), [], "Curves for key exchange. Default: Envoy's."),
  insecureSkipVerify: defaulted(boolean, false, "A client's certificate is taken whoever has signed it."),
});

type TlsFields = NonNullable<ReturnType<typeof fields.read>>;

/** `ServerTLSSettings`, with what Istio's `validateTLSOptions` asks of it. */
export const serverTls: FieldType<ServerTls> = {
  shape: "object",
  members: fields.members,
  read(value, context) {
    const read = fields.read(value, context);
    if (read === undefined) return undefined;
    checkTls(read, context);
    const { minProtocolVersion, maxProtocolVersion, tlsCertificates, credentialName, credentialNames, ...rest } = read;
    return {
      ...rest,
      certificates: (tlsCertificates ?? []).map(({ serverCertificate, privateKey, caCertificates }) => ({
        certificate: serverCertificate,
        privateKey,
        caCertificates,
      })),
      credentialNames: credentialNames ?? (credentialName === undefined ? [] : [credentialName]),
      minProtocolVersion: minProtocolVersion === "TLS_AUTO" ? undefined : minProtocolVersion,
      maxProtocolVersion: maxProtocolVersion === "TLS_AUTO" ? undefined : maxProtocolVersion,
      cipherSuites: [...new Set(read.cipherSuites.filter((cipher) => CIPHERS.has(cipher)))],
    };
  },
};

function checkTls(tls: TlsFields, context: ReadContext): void {
  checkVersions(tls, context);
  if (tls.mode === "ISTIO_MUTUAL") {
    checkIstioMutual(tls, context);
    return;
  }
  const secrets = tls.credentialName !== undefined || tls.credentialNames !== undefined;
  const files = tls.serverCertificate !== undefined && tls.privateKey !== undefined;
  const sources = [
    files ? '"serverCertificate" with "privateKey"' : undefined,
    tls.credentialName === undefined ? undefined : '"credentialName"',
    tls.credentialNames === undefined ? undefined : '"credentialNames"',
    tls.tlsCertificates === undefined ? undefined : '"tlsCertificates"',
  ].filter((source) => source !== undefined);
  if (sources.length > 1) context.report("error", Code.Exclusive, `${sources.join(" and ")} exclude each other; keep one`);
  if (tls.mode === "PASSTHROUGH" || tls.mode === "AUTO_PASSTHROUGH") {
    if (
      sources.length > 0 ||
      tls.serverCertificate !== undefined ||
      tls.privateKey !== undefined ||
      tls.caCertificates !== undefined ||
      tls.caCrl !== undefined
    )
      context.report(
        "warning",
        "IST0133",
        `mode ${tls.mode} uses no certificates; they are ignored. For TLS that ends here write mode: SIMPLE`,
      );
    return;
  }
  if (tls.caCrl !== undefined && secrets) context.at("caCrl").wrong("with a credentialName the list stands in the secret, as ca.crl");
  if (tls.caCrl !== undefined && tls.mode === "SIMPLE") context.at("caCrl").wrong("mode SIMPLE looks at no certificates of clients");
  if (secrets) return;
  // Those of the first pair hold for both.
  if (tls.mode !== "SIMPLE" && (tls.caCertificates ?? tls.tlsCertificates?.[0]?.caCertificates) === undefined)
    missing(context, "caCertificates", `mode ${tls.mode} needs certificates that sign clients'`);
  if (tls.tlsCertificates !== undefined) return;
  if (tls.serverCertificate === undefined)
    missing(context, "serverCertificate", `mode ${tls.mode} needs a certificate; or name a secret by credentialName`);
  if (tls.privateKey === undefined) missing(context, "privateKey", `mode ${tls.mode} needs the key of the certificate`);
}

/** The certificates are those of the mesh. */
function checkIstioMutual(tls: TlsFields, context: ReadContext): void {
  for (const field of [
    "serverCertificate",
    "privateKey",
    "caCertificates",
    "tlsCertificates",
    "credentialName",
    "credentialNames",
    "caCertCredentialName",
  ] as const)
    if (tls[field] !== undefined)
      context.at(field).wrong("mode ISTIO_MUTUAL takes the certificates of the mesh; for others write mode: MUTUAL");
}

function missing(context: ReadContext, field: string, why: string): void {
  context.report("error", Code.Missing, `"${field}" is missing: ${why}`);
}

function checkVersions({ minProtocolVersion, maxProtocolVersion, cipherSuites }: TlsFields, context: ReadContext): void {
  if ((minProtocolVersion === "TLSV1_0" || minProtocolVersion === "TLSV1_1") && cipherSuites.length === 0)
    context
      .at("minProtocolVersion")
      .report("warning", "IST0133", "TLS below 1.2 needs ciphers that Envoy no longer has by default; name them in cipherSuites");
  if (minProtocolVersion !== "TLS_AUTO" && maxProtocolVersion !== "TLS_AUTO" && minProtocolVersion > maxProtocolVersion)
    context.at("minProtocolVersion").wrong(`must not be above maxProtocolVersion, ${maxProtocolVersion}`);
  for (const [index, cipher] of cipherSuites.entries()) {
    const at = context.at("cipherSuites").at(index);
    if (!CIPHERS.has(cipher)) at.report("warning", "IST0133", `${JSON.stringify(cipher)} is no cipher that Envoy takes; it is ignored`);
    else if (cipherSuites.indexOf(cipher) < index) at.report("warning", "IST0133", `${JSON.stringify(cipher)} stands there twice`);
  }
}

/** Says what is wrong with the path of a socket, behind `unix://` (Istio's `ValidateUnixAddress`). */
export function wrongUnixPath(path: string): string | undefined {
  if (path.startsWith("@") && path.length > 1) return undefined;
  return path.startsWith("/") && !path.endsWith("/")
    ? undefined
    : `${JSON.stringify(path)} is no absolute path to a socket, such as /run/egress.sock`;
}

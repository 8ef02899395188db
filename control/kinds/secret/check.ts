import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { Code, type MeshObject, type Report } from "../../model/index.ts";
import { credentialsOf } from "./contribution.ts";
import type { SecretSpec } from "./fields.ts";

/** What Envoy would refuse is refused here, where it is told by file and line. Nothing of a value is told. */
export function check({ spec }: MeshObject<SecretSpec>, report: Report): void {
  const credentials = credentialsOf(spec);
  if (credentials === undefined) return;
  const { certificate, privateKey, caCertificates, crl } = credentials;
  const data = [spec.stringData === undefined ? "data" : "stringData"];
  if (spec.type === "kubernetes.io/tls") {
    if (certificate === undefined) report("error", Code.Missing, data, `"tls.crt" is missing; a secret of this type has a certificate`);
    if (privateKey === undefined) report("error", Code.Missing, data, `"tls.key" is missing; a secret of this type has a private key`);
  } else if ((certificate === undefined) !== (privateKey === undefined)) {
    report(
      "error",
      Code.Missing,
      data,
      `${certificate === undefined ? `"cert"` : `"key"`} is missing: a certificate and its private key stand together`,
    );
  }
  const chain = certificate === undefined ? undefined : readCertificates(certificate);
  if (certificate !== undefined && chain === undefined) report("error", Code.Value, data, "the certificate is no PEM certificate");
  const key = privateKey === undefined ? undefined : readKey(privateKey);
  if (privateKey !== undefined && key === undefined)
    report("error", Code.Value, data, "the private key is no PEM key, or one with a passphrase");
  const [leaf] = chain ?? [];
  if (leaf !== undefined && key !== undefined && !leaf.checkPrivateKey(key))
    report("error", Code.Value, data, "the private key is not that of the certificate");
  if (leaf !== undefined && Date.parse(leaf.validTo) < Date.now())
    report("warning", Code.Value, data, `the certificate is valid until ${leaf.validTo} only`);
  if (caCertificates !== undefined && readCertificates(caCertificates) === undefined)
    report("error", Code.Value, data, "the certificates to trust are no PEM certificates");
  if (crl !== undefined && !crl.includes("-----BEGIN X509 CRL-----"))
    report("error", Code.Value, data, "the list of revoked certificates is no PEM list (X509 CRL)");
}

function readCertificates(pem: string): readonly X509Certificate[] | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  try {
    return blocks?.map((block) => new X509Certificate(block));
  } catch {
    return undefined;
  }
}

function readKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

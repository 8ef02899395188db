import "reflect-metadata";
import { createHash, randomBytes, webcrypto, X509Certificate as NodeCertificate } from "node:crypto";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  X509CrlGenerator,
  X509CrlReason,
} from "@peculiar/x509";

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 };
const DAY = 86_400_000;

/** PEM texts. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
  readonly serialNumber: string;
}

/** Signs certificates for a test, of both sorts of keys, and lists those that it takes back. */
export class TestAuthority {
  readonly certificate: string;
  private readonly name: string;
  private readonly key: webcrypto.CryptoKey;

  private constructor(name: string, key: webcrypto.CryptoKey, certificate: string) {
    this.name = name;
    this.key = key;
    this.certificate = certificate;
  }

  static async create(name = "Test authority"): Promise<TestAuthority> {
    const keys = await webcrypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.createSelfSigned({
      ...validity(),
      name: `CN=${name}`,
      keys: keys as CryptoKeyPair,
      signingAlgorithm: ECDSA,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    });
    return new TestAuthority(name, keys.privateKey, certificate.toString("pem"));
  }

  /** @param name DNS name, or a URI where it has a scheme */
  async issue(name: string, type: "ecdsa" | "rsa" = "ecdsa"): Promise<Issued> {
    const keys = await webcrypto.subtle.generateKey(type === "rsa" ? RSA : ECDSA, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.create({
      ...validity(),
      subject: "CN=test",
      issuer: `CN=${this.name}`,
      publicKey: keys.publicKey as CryptoKey,
      signingKey: this.key as CryptoKey,
      signingAlgorithm: ECDSA,
      extensions: [new SubjectAlternativeNameExtension([{ type: name.includes("://") ? "url" : "dns", value: name }])],
    });
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
    const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/.{64}(?=.)/g, "$&\n")}\n-----END PRIVATE KEY-----\n`;
    return { certificate: `${certificate.toString("pem")}\n`, key, serialNumber: certificate.serialNumber };
  }

  /** A list of certificates that hold no more. */
  async revoke(...revoked: readonly Issued[]): Promise<string> {
    const list = await X509CrlGenerator.create({
      issuer: `CN=${this.name}`,
      thisUpdate: new Date(Date.now() - DAY),
      nextUpdate: new Date(Date.now() + DAY),
      signingAlgorithm: ECDSA,
      signingKey: this.key as CryptoKey,
      entries: revoked.map(({ serialNumber }) => ({ serialNumber, reason: X509CrlReason.superseded })),
    });
    // As RFC 7468 has it; the library writes "CRL".
    return `${list.toString("pem").replaceAll(/(BEGIN|END) CRL/g, "$1 X509 CRL")}\n`;
  }
}

function validity() {
  const serialNumber = Buffer.concat([Buffer.from([0x40]), randomBytes(8)]).toString("hex");
  return { serialNumber, notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + DAY) };
}

/** What `verifyCertificateSpki` (base64) and `verifyCertificateHash` (hex) are of a certificate. */
export function pinsOf({ certificate }: Issued): { readonly spki: string; readonly hash: string } {
  const parsed = new NodeCertificate(certificate);
  const spki = parsed.publicKey.export({ type: "spki", format: "der" });
  return { spki: createHash("sha256").update(spki).digest("base64"), hash: createHash("sha256").update(parsed.raw).digest("hex") };
}

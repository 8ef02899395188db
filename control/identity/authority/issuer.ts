import { createPrivateKey, type KeyObject, randomBytes } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  type Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate as ParsedCertificate,
  X509CertificateGenerator,
} from "../x509.ts";
import { Certificate } from "../chain/index.ts";
import { IdentityError } from "../identity-error.ts";
import { requireGoodKey } from "./key-strength.ts";
import type { CertificateOrder } from "./signer.ts";

/** Milliseconds by which certificates begin before they are made, for peers whose clock is behind; as in Istio (`ClockSkewGracePeriod`). */
export const BACKDATED = 120_000;

const { keyCertSign, cRLSign, digitalSignature, keyEncipherment } = KeyUsageFlags;

/** What all certificates of workloads have in common, encoded once. */
const OF_WORKLOADS: readonly Extension[] = [
  new BasicConstraintsExtension(false, undefined, true),
  new KeyUsagesExtension(digitalSignature | keyEncipherment, true),
  new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
];

/** A certificate of an authority with its key. */
export class Issuer {
  readonly certificate: Certificate;
  /** PKCS #8, PEM. */
  readonly keyPem: string;
  private readonly key: CryptoKey;
  private readonly name: Name;
  private readonly keyIdentifier: AuthorityKeyIdentifierExtension;

  private constructor(certificate: Certificate, privateKey: KeyObject, keyIdentifier: string) {
    this.certificate = certificate;
    this.keyPem = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    this.key = privateKey.toCryptoKey(signingAlgorithm(privateKey), false, ["sign"]) as CryptoKey;
    // Byte for byte as it stands in the certificate: names are compared by their bytes (RFC 5280, 7.1).
    this.name = new ParsedCertificate(new Uint8Array(certificate.der)).subjectName;
    this.keyIdentifier = new AuthorityKeyIdentifierExtension(keyIdentifier);
  }

  /**
   * Joins a certificate and its key.
   *
   * @param keyPem PKCS #8, PKCS #1 or SEC 1
   * @throws IdentityError `state` where they do not belong together, or may not sign
   */
  static async of(certificate: Certificate, keyPem: string): Promise<Issuer> {
    const wrong = (what: string, cause?: unknown) => new IdentityError("state", what, { cause });
    let key: KeyObject;
    try {
      key = createPrivateKey(keyPem);
    } catch (error) {
      throw wrong("the authority's key cannot be read: a PEM without a passphrase is wanted", error);
    }
    requireGoodKey(certificate.publicKey, "state", "the authority's key");
    if (!certificate.x509.checkPrivateKey(key)) throw wrong("the authority's key is not that of its certificate");
    if (!certificate.ca) throw wrong(`${certificate.subject} is no certificate of an authority: basicConstraints has no CA`);
    const { keyUsage, subjectKeyId } = certificate.extensions;
    if (keyUsage !== undefined && (keyUsage & keyCertSign) === 0)
      throw wrong(`${certificate.subject} may not sign certificates: keyUsage has no keyCertSign`);
    const id = subjectKeyId ?? (await SubjectKeyIdentifierExtension.create(spkiOf(certificate.publicKey))).keyId;
    return new Issuer(certificate, key, id);
  }

  /** A new root: ECDSA on P-256, signed by itself. Times are milliseconds. */
  static async root(organization: string, now: number, lifetime: number): Promise<Issuer> {
    const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerialNumber(),
      // Roots that are trusted at the same time differ in their names, so that nobody tries the one for the other.
      name: [{ O: [organization] }, { CN: [`Meshwright root ${randomBytes(4).toString("hex")}`] }],
      notBefore: wholeSeconds(now - BACKDATED),
      notAfter: wholeSeconds(now + lifetime),
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(keyCertSign | cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    const der = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
    const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    return Issuer.of(Certificate.read(Buffer.from(certificate.rawData)), key.export({ format: "pem", type: "pkcs8" }).toString());
  }

  /**
   * Requires that it may sign now: what it signed before its beginning, or after its end, nobody would take.
   *
   * @param now milliseconds since 1970
   * @param remedy what to do when it has ended
   * @throws IdentityError `signer`
   */
  requireValid(now: number, remedy: string): void {
    const { subject, notBefore, notAfter } = this.certificate;
    if (now < notBefore)
      throw new IdentityError(
        "signer",
        `${subject} signs from ${new Date(notBefore).toISOString()}, and it is before that; is this machine's clock right?`,
      );
    if (now >= notAfter) throw new IdentityError("signer", `${subject} expired at ${new Date(notAfter).toISOString()}: ${remedy}`);
  }

  /** Signs a workload's certificate, PEM. */
  async sign({ uri, publicKey, serialNumber, notBefore, notAfter }: CertificateOrder): Promise<string> {
    const extensions: Extension[] = [
      ...OF_WORKLOADS,
      // Critical, since the subject is empty: RFC 5280, 4.2.1.6.
      new SubjectAlternativeNameExtension([{ type: "url", value: uri }], true),
      this.keyIdentifier,
    ];
    const certificate = await X509CertificateGenerator.create({
      serialNumber,
      issuer: this.name,
      notBefore: wholeSeconds(Math.max(notBefore, this.certificate.notBefore)),
      notAfter: wholeSeconds(Math.min(notAfter, this.certificate.notAfter)),
      publicKey: new Uint8Array(publicKey),
      signingKey: this.key,
      extensions,
    });
    return `${certificate.toString("pem")}\n`;
  }
}

/** 128 random bits; RFC 5280, 4.1.2.2 allows 159. Hexadecimal. */
export function newSerialNumber(): string {
  return randomBytes(16).toString("hex");
}

/** Certificates know no parts of a second. */
function wholeSeconds(milliseconds: number): Date {
  return new Date(Math.floor(milliseconds / 1000) * 1000);
}

function spkiOf(key: KeyObject): Uint8Array<ArrayBuffer> {
  return new Uint8Array(key.export({ format: "der", type: "spki" }));
}

/** Of signatures with a key; the hash is as strong as the curve. */
function signingAlgorithm({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject) {
  if (type === "rsa") return { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  return { name: "ECDSA", namedCurve: details?.namedCurve === "secp384r1" ? "P-384" : "P-256" };
}

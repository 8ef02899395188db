import { type KeyObject, X509Certificate } from "node:crypto";
import {
  BasicConstraintsExtension,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate as ParsedCertificate,
} from "../x509.ts";
import { IdentityError } from "../identity-error.ts";
import { pemOf, readPem } from "./pem.ts";

/** One name that a certificate is for: `{type: "url", value: "spiffe://..."}`. */
export interface SubjectAlternativeName {
  readonly type: string;
  readonly value: string;
}

/** Bytes of one certificate above which it is not looked at. */
const LONGEST = 64 * 1024;
const LIMITS = { berOptions: { maxDepth: 24, maxNodes: 5000, maxContentLength: LONGEST } };

/** Extensions whose meaning `chainProblems` looks at; another one that is critical ends a chain (RFC 5280, 4.2). */
const KNOWN = new Set(["2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.35", "2.5.29.37"]);

/** Extensions of a certificate, as far as they matter here. */
export interface Extensions {
  readonly names: readonly SubjectAlternativeName[];
  /** Certificate authorities that may stand between it and a workload's certificate; undefined: any number. */
  readonly pathLength: number | undefined;
  /** Bits of RFC 5280, 4.2.1.3, as `KeyUsageFlags`; undefined: any use. */
  readonly keyUsage: number | undefined;
  /** Hexadecimal; undefined where there is none. */
  readonly subjectKeyId: string | undefined;
  /** Critical extensions that nobody here knows. */
  readonly unknownCritical: readonly string[];
}

/** A certificate. OpenSSL, by way of Node, reads it and verifies signatures; extensions that Node does not show are read beside it, as they stand in the bytes. */
export class Certificate {
  readonly der: Buffer;
  readonly x509: X509Certificate;
  /** The distinguished name on one line; empty for workloads. */
  readonly subject: string;
  readonly issuer: string;
  /** Hexadecimal, lower case. */
  readonly serialNumber: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  private known: Extensions | undefined;
  private constructor(der: Buffer) {
    this.der = der;
    this.x509 = new X509Certificate(der);
    const oneLine = (name: string | undefined) => (name ?? "").replaceAll("\n", ", ");
    this.subject = oneLine(this.x509.subject);
    this.issuer = oneLine(this.x509.issuer);
    this.serialNumber = this.x509.serialNumber.toLowerCase();
    this.notBefore = this.x509.validFromDate.getTime();
    this.notAfter = this.x509.validToDate.getTime();
  }

  /** @throws IdentityError `certificate-malformed` */
  static read(der: Uint8Array): Certificate {
    try {
      if (der.length > LONGEST) throw new Error(`it has ${der.length} bytes; ${LONGEST} are read`);
      return new Certificate(Buffer.from(der));
    } catch (error) {
      throw new IdentityError("certificate-malformed", `no certificate can be read: ${(error as Error).message}`, { cause: error });
    }
  }

  /**
   * Every certificate of a PEM text, in its order.
   *
   * @throws IdentityError `certificate-malformed` where one cannot be read, or there is none
   */
  static readAll(pem: string): readonly Certificate[] {
    const blocks = readPem(pem).filter(({ label }) => label === "CERTIFICATE");
    const announced = pem.split("-----BEGIN CERTIFICATE-----").length - 1;
    if (announced === 0) throw new IdentityError("certificate-malformed", "there is no certificate: no block BEGIN CERTIFICATE");
    if (blocks.length < announced)
      throw new IdentityError("certificate-malformed", `${announced - blocks.length} of ${announced} certificates are no PEM`);
    return blocks.map(({ der }) => Certificate.read(der));
  }

  get names(): readonly SubjectAlternativeName[] {
    return this.extensions.names;
  }

  get ca(): boolean {
    return this.x509.ca;
  }

  /**
   * What stands in its extensions, read when it is asked for first.
   *
   * @throws IdentityError `certificate-malformed`
   */
  get extensions(): Extensions {
    this.known ??= readExtensions(this.der);
    return this.known;
  }

  get pem(): string {
    return pemOf("CERTIFICATE", this.der);
  }

  /** SHA-256 of its bytes, hexadecimal, lower case. */
  get fingerprint(): string {
    return this.x509.fingerprint256.replaceAll(":", "").toLowerCase();
  }

  get publicKey(): KeyObject {
    return this.x509.publicKey;
  }

  /** Whether this one's key signed `other`, and its name says so. */
  issued(other: Certificate): boolean {
    return other.x509.checkIssued(this.x509) && other.x509.verify(this.x509.publicKey);
  }

  get selfSigned(): boolean {
    return this.issued(this);
  }
}

function readExtensions(der: Buffer): Extensions {
  try {
    const { extensions } = new ParsedCertificate(new Uint8Array(der), LIMITS);
    const ids = extensions.map(({ type }) => type);
    // RFC 5280, 4.2: "A certificate MUST NOT include more than one instance of a particular extension."
    if (new Set(ids).size < ids.length) throw new Error("an extension stands twice");
    return {
      names: extensions.flatMap((each) => (each instanceof SubjectAlternativeNameExtension ? each.names.items : [])),
      pathLength: extensions.find((each) => each instanceof BasicConstraintsExtension)?.pathLength,
      keyUsage: extensions.find((each) => each instanceof KeyUsagesExtension)?.usages,
      subjectKeyId: extensions.find((each) => each instanceof SubjectKeyIdentifierExtension)?.keyId,
      unknownCritical: extensions.filter(({ critical, type }) => critical && !KNOWN.has(type)).map(({ type }) => type),
    };
  } catch (error) {
    throw new IdentityError("certificate-malformed", `the extensions of a certificate cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

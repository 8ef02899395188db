import type { Certificate } from "../chain/index.ts";
import type { Identity } from "../spiffe/index.ts";

/**
 * Who holds the key. It signs what it is told to, and nothing else: the {@link import("./authority.ts").Authority} has checked the request before, and checks the certificate after, where the signer is elsewhere. The embedded one
 * and the one with plugged-in files hold a key themselves; another may ask a service or a device for the signature.
 */
export interface Signer {
  /** Whether it runs in this process and signs to the letter of an order. What another one signs is looked at before anybody relies on it. */
  readonly local: boolean;
  /** Certificates that are trusted, PEM, one text each; whoever is issued a certificate gets all of them. The same array until they change. */
  roots(): readonly string[];
  /** Certificates of authorities between workloads and roots, former ones too: peers show certificates that they have signed, and need not show them. */
  intermediates(): readonly Certificate[];
  /**
   * The certificate that was ordered, and behind it those of the authorities up to a root, without the root. PEM.
   *
   * @throws IdentityError `signer`, or anything else, where it cannot be had now
   */
  sign(order: CertificateOrder): Promise<string>;
  /** When it can sign no more, milliseconds since 1970; Infinity where that is not known here. */
  signingEnds(): number;
  /** Calls back after each change of the roots, until the function that it returns is called. */
  onRootsChanged(listener: () => void): () => void;
}

/** What a certificate shall say. */
export interface CertificateOrder {
  readonly identity: Identity;
  /** The same as the one name of the certificate. */
  readonly uri: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  /** As it came, DER: proof that whoever asks has the key. */
  readonly request: Buffer;
  /** 32 hexadecimal digits. A signer that gives numbers itself may take another. */
  readonly serialNumber: string;
  /** Milliseconds since 1970, whole seconds. A signer may begin later and end earlier, never the other way. */
  readonly notBefore: number;
  readonly notAfter: number;
}

import type { Identity } from "../spiffe/index.ts";

/** What a client has shown by the time that it asks for a certificate. */
export interface Presented {
  /** Of the metadata `authorization`, without `Bearer`. */
  readonly bearer: string | undefined;
  /** Certificates of the TLS connection, DER, the client's own first; empty where it has none. They need not have been verified. */
  readonly chain: readonly Uint8Array[];
  /** Hash of the public key of its request, hexadecimal. */
  readonly key: string;
}

export type ProofMethod = "join-token" | "certificate" | "kubernetes";

/** A proof that is good. */
export interface Proof {
  /** In the mesh's own trust domain. */
  readonly identity: Identity;
  /** What was shown, for the log: the id of a token, the serial number of a certificate. No secret. */
  readonly evidence: string;
  /** Of the certificate that proves it. */
  readonly serialNumber?: string;
  /** When the proof itself ends, milliseconds since 1970. */
  readonly notAfter?: number;
  /** Uses up what can be used up. Called when all else is good, before the certificate is signed. */
  readonly use?: () => Promise<void>;
}

/** One way to prove an identity. */
export interface Prover {
  readonly method: ProofMethod;
  /** Whether what was shown is meant for it. */
  takes(presented: Presented): boolean;
  /** @throws IdentityError where it proves nothing, with the reason */
  prove(presented: Presented): Promise<Proof>;
}

/**
 * Why a certificate or a token is refused, in words for metrics and programs: what begins with `csr-` lies with the request, `token-`, `jwt-` and `certificate-` with the proof of who asks,
 * the rest with this side.
 */
export type IdentityErrorCode =
  | "csr-malformed"
  | "csr-signature"
  | "csr-key"
  | "csr-ca"
  | "csr-names"
  | "csr-identity"
  | "lifetime"
  | "no-proof"
  | "token-unknown"
  | "token-expired"
  | "token-revoked"
  | "token-spent"
  | "token-invalid"
  | "jwt-invalid"
  | "jwt-keys"
  | "certificate-malformed"
  | "certificate-untrusted"
  | "certificate-identity"
  | "revoked"
  | "revocation"
  | "rate-limit"
  | "state"
  | "rotation"
  | "signer"
  | "internal";

/** Something about identities that cannot be. The message says what to do, goes to whoever asked, and holds no secret. */
export class IdentityError extends Error {
  readonly code: IdentityErrorCode;

  constructor(code: IdentityErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "IdentityError";
    this.code = code;
  }

  /** What was thrown as an error of this kind. A fault of our own is `internal`; its text stays with the cause, which goes to the log and to nobody else. */
  static from(cause: unknown): IdentityError {
    return cause instanceof IdentityError
      ? cause
      : new IdentityError("internal", "the certificate authority failed at this request; its log says why", { cause });
  }
}

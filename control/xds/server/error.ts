/** The gRPC status codes with which a stream ends (https://grpc.io/docs/guides/status-codes/). */
export type XdsErrorCode =
  | "CANCELLED"
  | "INVALID_ARGUMENT"
  | "DEADLINE_EXCEEDED"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE"
  | "UNAUTHENTICATED";

/** Why a stream ends. The client sees code and message, so the message says what to do and holds no secret. */
export class XdsError extends Error {
  readonly code: XdsErrorCode;

  constructor(code: XdsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "XdsError";
    this.code = code;
  }

  /** What was thrown as an error of this kind. A fault of our own is `INTERNAL`; its text stays with the cause, since it may quote configuration. */
  static from(cause: unknown): XdsError {
    return cause instanceof XdsError
      ? cause
      : new XdsError("INTERNAL", "the control service failed at this request; its log says why", { cause });
  }
}

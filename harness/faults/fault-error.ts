/**
 * - `unavailable`: this machine cannot do that to anything; the message says what is missing;
 * - `address`: a link cannot listen where it was told to;
 * - `spec`: what was asked for is none of the faults;
 * - `process`: the process that should suffer is not there.
 */
export type FaultErrorCode = "unavailable" | "address" | "spec" | "process";

/** Why something could not be broken. */
export class FaultError extends Error {
  readonly code: FaultErrorCode;

  constructor(code: FaultErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FaultError";
    this.code = code;
  }
}

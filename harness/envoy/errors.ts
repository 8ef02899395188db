/**
 * - `unavailable`: this machine has no Envoy or no container engine;
 * - `refused`: Envoy does not take the configuration;
 * - `exited`: it ended while it was needed;
 * - `timeout`: it did not get ready, or did not answer, in time;
 * - `admin`: its admin interface answered with an error.
 */
export type EnvoyErrorCode = "unavailable" | "refused" | "exited" | "timeout" | "admin";

/** What went wrong with an Envoy, and what it logged until then. */
export class EnvoyError extends Error {
  readonly code: EnvoyErrorCode;
  /** Log lines as Envoy's own format shows them, oldest first. */
  readonly logs: readonly string[];

  constructor(code: EnvoyErrorCode, message: string, logs: readonly string[] = [], options?: ErrorOptions) {
    super(message, options);
    this.name = "EnvoyError";
    this.code = code;
    this.logs = logs;
  }

  static from(error: unknown, code: EnvoyErrorCode = "exited"): EnvoyError {
    if (error instanceof EnvoyError) return error;
    return new EnvoyError(code, error instanceof Error ? error.message : String(error), [], { cause: error });
  }
}

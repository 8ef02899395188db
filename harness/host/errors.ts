/**
 * What went wrong, for a program to tell apart:
 *
 * - `not-wasm`, `missing-abi`, `missing-export`, `missing-import`, `bad-signature`, `start-failed`: the module cannot be loaded.
 * - `configuration-refused`: `proxy_on_vm_start` or `proxy_on_configure` returned false or trapped.
 * - `would-crash-envoy`: Envoy's process would end with SIGSEGV here.
 * - `would-corrupt-response`: Envoy would send broken HTTP or a request twice, or the client would wait for ever.
 * - `time-limit`: the module ran longer than the watchdog allows.
 * - `not-supported`: Envoy has it, this host has not.
 * - `misuse`: the test drove the host in an order that cannot happen in Envoy.
 */
export type HostErrorCode =
  | "not-wasm"
  | "missing-abi"
  | "missing-export"
  | "missing-import"
  | "bad-signature"
  | "start-failed"
  | "configuration-refused"
  | "would-crash-envoy"
  | "would-corrupt-response"
  | "time-limit"
  | "not-supported"
  | "misuse";

/** Every error of the in-process host. The message says what happened, where, and what to do about it. */
export class HostError extends Error {
  readonly code: HostErrorCode;
  /** Lines that the module or the host logged until then, newest last; empty where none were collected. */
  readonly logs: readonly string[];

  constructor(code: HostErrorCode, message: string, options: ErrorOptions & { readonly logs?: readonly string[] } = {}) {
    super(message, options);
    this.name = "HostError";
    this.code = code;
    this.logs = options.logs ?? [];
  }

  /** The error itself where it is one of the host's, else a `misuse` error with the given value as its cause. */
  static from(error: unknown): HostError {
    if (error instanceof HostError) return error;
    return new HostError("misuse", error instanceof Error ? error.message : String(error), { cause: error });
  }
}

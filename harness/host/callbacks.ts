import { HostError } from "./errors.ts";
import type { WasmModule } from "./module.ts";

/** A function that a module exports. All parameters are i32; a word comes back signed. */
export type WasmFunction = (...words: number[]) => number | undefined;

/** The callbacks of the ABI with their signatures, as proxy-wasm-cpp-host looks them up (`WasmBase::getFunctions`). */
const SIGNATURES = {
  proxy_validate_configuration: "i32 i32 -> i32",
  proxy_on_vm_start: "i32 i32 -> i32",
  proxy_on_configure: "i32 i32 -> i32",
  proxy_on_tick: "i32 ->",
  proxy_on_context_create: "i32 i32 ->",
  proxy_on_new_connection: "i32 -> i32",
  proxy_on_downstream_data: "i32 i32 i32 -> i32",
  proxy_on_upstream_data: "i32 i32 i32 -> i32",
  proxy_on_downstream_connection_close: "i32 i32 ->",
  proxy_on_upstream_connection_close: "i32 i32 ->",
  proxy_on_request_headers: "i32 i32 i32 -> i32",
  proxy_on_request_body: "i32 i32 i32 -> i32",
  proxy_on_request_trailers: "i32 i32 -> i32",
  proxy_on_request_metadata: "i32 i32 -> i32",
  proxy_on_response_headers: "i32 i32 i32 -> i32",
  proxy_on_response_body: "i32 i32 i32 -> i32",
  proxy_on_response_trailers: "i32 i32 -> i32",
  proxy_on_response_metadata: "i32 i32 -> i32",
  proxy_on_http_call_response: "i32 i32 i32 i32 i32 ->",
  proxy_on_grpc_receive: "i32 i32 i32 ->",
  proxy_on_grpc_close: "i32 i32 i32 ->",
  proxy_on_grpc_receive_initial_metadata: "i32 i32 i32 ->",
  proxy_on_grpc_receive_trailing_metadata: "i32 i32 i32 ->",
  proxy_on_queue_ready: "i32 i32 ->",
  proxy_on_foreign_function: "i32 i32 i32 ->",
  proxy_on_done: "i32 -> i32",
  proxy_on_log: "i32 ->",
  proxy_on_delete: "i32 ->",
} as const;

export type CallbackName = keyof typeof SIGNATURES;

/** The callbacks that a module exports and that its capabilities allow; any other is silently not called. */
export type Callbacks = Readonly<Partial<Record<CallbackName, WasmFunction>>>;

/** Names of all callbacks that Envoy calls. */
export const CALLBACK_NAMES = Object.keys(SIGNATURES) as CallbackName[];

/**
 * Finds the callbacks in the exports.
 *
 * @throws HostError `bad-signature` where an export has the name of a callback and other parameters or results.
 */
export function findCallbacks(module: WasmModule, exports: WebAssembly.Exports, allowed: (name: string) => boolean): Callbacks {
  const found: Partial<Record<CallbackName, WasmFunction>> = {};
  for (const name of CALLBACK_NAMES) {
    if (!allowed(name)) continue;
    if (name === "proxy_on_foreign_function" && module.abi === "0.1.0") continue;
    const exported = module.sections.exports.get(name);
    if (exported?.kind !== "func") continue;
    const wanted = callbackSignature(module.abi, name);
    if (exported.signature !== wanted) {
      throw new HostError(
        "bad-signature",
        `${module.source}: Bad function signature for: ${name}, want: ${wanted}, but the module exports: ${exported.signature}`,
      );
    }
    found[name] = exports[name] as WasmFunction;
  }
  return found;
}

/** Parameters and results that a callback has to have in a module of an ABI, as `i32 i32 -> i32`. */
export function callbackSignature(abi: WasmModule["abi"], name: CallbackName): string {
  const headers = name === "proxy_on_request_headers" || name === "proxy_on_response_headers";
  return headers && abi === "0.1.0" ? "i32 i32 -> i32" : SIGNATURES[name];
}

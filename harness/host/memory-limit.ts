import { setFlagsFromString } from "node:v8";

/** Bytes of a module's memory at most: proxy-wasm-cpp-host has V8 give no more (limits.h, `PROXY_WASM_HOST_MAX_WASM_MEMORY_SIZE_BYTES`). */
export const MAX_MEMORY = 1024 ** 3;

const PAGE = 65_536;
let limited = false;

/**
 * From here on `memory.grow` is refused beyond {@link MAX_MEMORY}, as in Envoy, and a module that takes all it can get does not take this machine's memory. V8 has one limit for
 * all WebAssembly of a process.
 */
export function limitMemory(): void {
  if (limited) return;
  limited = true;
  setFlagsFromString(`--wasm-max-mem-pages=${MAX_MEMORY / PAGE}`);
}

/** What to add where V8 did not give a module the memory that it begins with; empty for any other error. */
export function memoryHint(error: unknown): string {
  if (!(error instanceof RangeError) || !error.message.includes("Cannot allocate Wasm memory")) return "";
  return `. The module wants more memory to begin with than there is; Envoy gives ${MAX_MEMORY / 1024 ** 2} MiB at most`;
}

import type { Manifest } from "./manifest.ts";

/** Bytes; the design's limit for a single module. */
const DEFAULT_MAX_SIZE = 40_960;

/** The callbacks of ABI 0.2.1 that Envoy calls. Any other exported function would be dead weight, or a misspelled callback. */
const CALLBACKS = [
  "proxy_on_context_create",
  "proxy_on_done",
  "proxy_on_log",
  "proxy_on_delete",
  "proxy_on_vm_start",
  "proxy_on_configure",
  "proxy_on_tick",
  "proxy_on_new_connection",
  "proxy_on_downstream_data",
  "proxy_on_downstream_connection_close",
  "proxy_on_upstream_data",
  "proxy_on_upstream_connection_close",
  "proxy_on_request_headers",
  "proxy_on_request_body",
  "proxy_on_request_trailers",
  "proxy_on_request_metadata",
  "proxy_on_response_headers",
  "proxy_on_response_body",
  "proxy_on_response_trailers",
  "proxy_on_response_metadata",
  "proxy_on_http_call_response",
  "proxy_on_grpc_receive_initial_metadata",
  "proxy_on_grpc_receive",
  "proxy_on_grpc_receive_trailing_metadata",
  "proxy_on_grpc_close",
  "proxy_on_queue_ready",
  "proxy_on_foreign_function",
];
const REQUIRED = ["malloc", "_initialize", "proxy_abi_version_0_2_1", "proxy_on_context_create", "proxy_on_vm_start", "proxy_on_configure"];
const KNOWN = new Set([...REQUIRED, ...CALLBACKS]);

/**
 * What would keep Envoy from loading a built module, or kill Envoy with it, and what its manifest says otherwise.
 *
 * @returns one sentence for each problem; none where the module is good
 */
export function checkModule(bytes: Uint8Array<ArrayBuffer>, manifest: Manifest): string[] {
  let module: WebAssembly.Module;
  try {
    module = new WebAssembly.Module(bytes);
  } catch (error) {
    return [`is no WebAssembly module: ${error instanceof Error ? error.message : String(error)}`];
  }
  return [
    ...checkExports(WebAssembly.Module.exports(module)),
    ...checkImports(WebAssembly.Module.imports(module), manifest.capabilities),
    // A hostcall in the start section kills Envoy, because the module is not bound to a VM yet.
    ...(hasStartSection(bytes) ? ["has a start section: compile it with --exportStart _initialize"] : []),
    ...checkSize(bytes.length, manifest.maxSize ?? DEFAULT_MAX_SIZE),
  ];
}

function checkExports(exported: readonly WebAssembly.ModuleExportDescriptor[]): string[] {
  const functions = new Set(exported.filter((entry) => entry.kind === "function").map((entry) => entry.name));
  const problems = REQUIRED.filter((name) => !functions.has(name)).map(
    (name) => `does not export ${name}: its entry must export one of sdk/exports/`,
  );
  // Envoy loads a module without a memory, and dies at the first request.
  if (!exported.some((entry) => entry.kind === "memory" && entry.name === "memory")) problems.push("does not export its memory");
  const unknown = [...functions].filter((name) => !KNOWN.has(name));
  return [...problems, ...unknown.map((name) => `exports ${name}, which is no callback of proxy-wasm: export only what sdk/exports/ has`)];
}

function checkImports(imported: readonly WebAssembly.ModuleImportDescriptor[], capabilities: readonly string[]): string[] {
  const names = imported.map((entry) => entry.name);
  const undeclared = names.filter((name) => !capabilities.includes(name));
  const unused = capabilities.filter((name) => !names.includes(name));
  const problems = [
    ...imported
      .filter((entry) => entry.kind !== "function" || (entry.module !== "env" && entry.module !== "wasi_snapshot_preview1"))
      .map((entry) => `imports the ${entry.kind} ${entry.module}.${entry.name}, which no host provides`),
    ...(undeclared.length > 0 ? [`imports ${undeclared.join(", ")}, which its manifest's capabilities lack`] : []),
    ...(unused.length > 0 ? [`does not import ${unused.join(", ")}, which its manifest's capabilities list`] : []),
  ];
  if (undeclared.length + unused.length > 0) problems.push(`its capabilities are ${JSON.stringify(names.toSorted())}`);
  return problems;
}

function checkSize(size: number, limit: number): string[] {
  return size > limit ? [`has ${size} bytes, more than its limit of ${limit} (maxSize in its manifest)`] : [];
}

const HEADER_SIZE = 8;
const START_SECTION = 8;

/** Sections are an id, a size in LEB128, and that many bytes (WebAssembly core specification, 5.5.2). */
function hasStartSection(bytes: Uint8Array): boolean {
  for (let at = HEADER_SIZE; at < bytes.length;) {
    if (bytes[at++] === START_SECTION) return true;
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      size += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    at += size;
  }
  return false;
}

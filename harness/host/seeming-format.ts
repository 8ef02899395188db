const HEADER = Buffer.from([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
const COMPONENT = Buffer.from([0x0d, 0x00, 0x01, 0x00]);

/** Whether bytes begin as a module does. */
export function hasModuleHeader(bytes: Uint8Array): boolean {
  return HEADER.equals(bytes.subarray(0, HEADER.length));
}

/** What bytes seem to be that are no module, as the beginning of a sentence: what the engine says of them tells no user what is wrong. */
export function seemingFormat(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, 8));
  if (start.length === 0) return "the file is empty";
  if (hasModuleHeader(bytes)) return "the module is cut off, damaged, or more than the engine takes";
  if (start.subarray(0, 4).equals(HEADER.subarray(0, 4)) && start.subarray(4).equals(COMPONENT))
    return "the file is a WebAssembly component, which Envoy does not load; build a core module";
  if (start[0] === 0x1f && start[1] === 0x8b) return "the file is compressed by gzip, as layers of OCI images are; unpack it";
  if (/^\s*\(module|^\s*;;/.test(start.toString("latin1")))
    return "the file is WebAssembly's text format; assemble it first, with wasm-as or wat2wasm";
  if (/^\s*[(;<{\x23-\x7e]/.test(start.toString("latin1"))) return "the file is text, no WebAssembly";
  return "the file is no WebAssembly";
}

import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";

/** Of a module, and of everything that it comes in. */
export const MAX_BYTES = 64 << 20;

const GZIP = Buffer.from([0x1f, 0x8b]);
const WASM = Buffer.from("\0asm", "latin1");

export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * The module in what was read, which may be packed by gzip, and in a tar archive where it is called `plugin.wasm`, as Istio's agent takes it (`unboxIfPossible`).
 *
 * @throws Error where it is none, or too large
 */
export function unpack(bytes: Uint8Array): Uint8Array {
  const plain = beginsWith(bytes, GZIP) ? inflate(bytes) : bytes;
  const module = beginsWith(plain, WASM) ? plain : fromArchive(plain);
  if (module === undefined) throw new Error("is no WebAssembly module");
  if (module.length > MAX_BYTES) throw new Error(`is larger than ${MAX_BYTES >> 20} MiB`);
  if (!WebAssembly.validate(module as Uint8Array<ArrayBuffer>)) throw new Error("is no valid WebAssembly module");
  return module;
}

function inflate(bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BYTES });
  } catch (error) {
    throw new Error(`cannot be unpacked: ${(error as Error).message}`, { cause: error });
  }
}

const BLOCK = 512;

/** `plugin.wasm` of a tar archive (POSIX ustar: name at 0, size at 124 in octal digits); undefined where it is none. */
function fromArchive(archive: Uint8Array): Uint8Array | undefined {
  for (let at = 0; at + BLOCK <= archive.length;) {
    const header = Buffer.from(archive.buffer, archive.byteOffset + at, BLOCK);
    const name = header.toString("latin1", 0, 100).replace(/\0.*$/s, "");
    const size = Number.parseInt(header.toString("latin1", 124, 136).replace(/\0.*$/s, "").trim(), 8);
    if (name === "" || !Number.isSafeInteger(size) || size < 0) return undefined;
    if (/^(\.?\/)?plugin\.wasm$/.test(name)) return archive.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return undefined;
}

function beginsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}

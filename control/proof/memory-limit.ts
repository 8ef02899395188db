const PAGE = 64 * 1024;
const MEMORY_SECTION = 5;
const HEADER = 8;

/**
 * The module with a smaller limit to its own memory, so that one which takes all there is fails as one that asks a host for too much: `memory.grow` says no, and the module traps. What
 * has no memory of its own, or begins with more, comes back as it is. (WebAssembly core specification, 5.5.8: section 5 is a list of limits; a flag says whether a maximum is there.)
 *
 * @param bytes of a valid module
 * @param limit in bytes
 */
export function withMemoryLimit(bytes: Uint8Array, limit: number): Uint8Array {
  const pages = Math.floor(limit / PAGE);
  for (let at = HEADER; at < bytes.length;) {
    const size = readNumber(bytes, at + 1);
    const end = size.end + size.value;
    if (bytes[at] === MEMORY_SECTION) return replaced(bytes, at, size.end, end, pages);
    at = end;
  }
  return bytes;
}

function replaced(bytes: Uint8Array, start: number, body: number, end: number, pages: number): Uint8Array {
  const count = readNumber(bytes, body);
  const flags = bytes[count.end] ?? 0;
  // One memory of 32 bits, not shared: all that Envoy's engine is given.
  if (count.value !== 1 || flags > 1) return bytes;
  const least = readNumber(bytes, count.end + 1);
  const most = flags === 1 ? readNumber(bytes, least.end).value : Infinity;
  if (least.value > pages || most <= pages) return bytes;
  const memory = [1, 1, ...number(least.value), ...number(pages)];
  return Buffer.concat([bytes.subarray(0, start), Buffer.from([MEMORY_SECTION, ...number(memory.length), ...memory]), bytes.subarray(end)]);
}

/** Unsigned LEB128 (5.2.2). */
function readNumber(bytes: Uint8Array, at: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = bytes[at++] ?? 0;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  return { value, end: at };
}

function number(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 0x80);
  }
}

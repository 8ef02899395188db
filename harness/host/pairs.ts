import { HeaderMap } from "./header-map.ts";

// Header pairs as they stand in a module's memory:
//
//   u32 count | (u32 name length, u32 value length) * count | (name NUL value NUL) * count
//
// Numbers are little-endian. Limits are those of proxy-wasm-cpp-host (limits.h).

const MAX_BYTES = 1024 * 1024;
const MAX_COUNT = 1024;

/** Bytes that the pairs of a map take. */
export function pairsSize(names: readonly string[], values: readonly string[]): number {
  let size = 4;
  for (let i = 0; i < names.length; i++) size += 10 + (names[i]?.length ?? 0) + (values[i]?.length ?? 0);
  return size;
}

/** Writes the pairs to `memory` at `pointer`, where {@link pairsSize} bytes are free. */
export function writePairs(memory: Uint8Array, view: DataView, pointer: number, names: readonly string[], values: readonly string[]): void {
  view.setUint32(pointer, names.length, true);
  let lengths = pointer + 4;
  let at = lengths + names.length * 8;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] ?? "";
    const value = values[i] ?? "";
    view.setUint32(lengths, name.length, true);
    view.setUint32(lengths + 4, value.length, true);
    lengths += 8;
    at = writeString(memory, at, name);
    at = writeString(memory, at, value);
  }
}

function writeString(memory: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) memory[at + i] = text.charCodeAt(i);
  memory[at + text.length] = 0;
  return at + text.length + 1;
}

/** The pairs in bytes of their own, for properties that are maps. */
export function encodePairs(names: readonly string[], values: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(pairsSize(names, values));
  writePairs(bytes, new DataView(bytes.buffer), 0, names, values);
  return bytes;
}

export interface Pairs {
  readonly names: string[];
  readonly values: string[];
}

/** Reads pairs. Malformed ones are no pairs at all, without an error: that is how Envoy wipes a map (see `PairsUtil::toPairs`). */
export function readPairs(bytes: Uint8Array): Pairs {
  const pairs: Pairs = { names: [], values: [] };
  if (bytes.length < 4 || bytes.length > MAX_BYTES) return pairs;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = buffer.readUInt32LE(0);
  let at = 4 + count * 8;
  if (count > MAX_COUNT || at > bytes.length) return pairs;
  const names: string[] = [];
  const values: string[] = [];
  for (let i = 0; i < count; i++) {
    for (const [list, length] of [
      [names, buffer.readUInt32LE(4 + i * 8)],
      [values, buffer.readUInt32LE(8 + i * 8)],
    ] as const) {
      const end = at + length;
      if (end + 1 > bytes.length || bytes[end] !== 0) return pairs;
      list.push(buffer.toString("latin1", at, end));
      at = end + 1;
    }
  }
  return at === bytes.length ? { names, values } : pairs;
}

/** A map of the given pairs; names are lower-cased, as every map in Envoy has them. */
export function toHeaderMap(kind: HeaderMap["kind"], pairs: Pairs, lowerCase: (name: string) => string): HeaderMap {
  const map = new HeaderMap(kind);
  for (let i = 0; i < pairs.names.length; i++) map.add(lowerCase(pairs.names[i] ?? ""), pairs.values[i] ?? "");
  return map;
}

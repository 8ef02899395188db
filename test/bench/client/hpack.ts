import type { HeaderList } from "../../../harness/target/index.ts";

/** Entries of the static table that requests use whole (RFC 7541, appendix A). */
const STATIC_PAIRS: Readonly<Record<string, number>> = { ":method GET": 2, ":path /": 4, ":scheme http": 6 };
const STATIC_NAMES: Readonly<Record<string, number>> = {
  ":authority": 1,
  ":path": 4,
  accept: 19,
  "accept-encoding": 16,
  "accept-language": 17,
  authorization: 23,
  cookie: 32,
  "user-agent": 58,
};
const STATIC_SIZE = 61;

/** Header blocks of one connection. */
export interface EncodedHeaders {
  /** Enters each header into the peer's dynamic table. For the first request of a connection, once. */
  readonly first: Uint8Array;
  /** Refers to those entries, as every client does for headers that repeat: a byte or two for each. */
  readonly again: Uint8Array;
  /** Another request: refers to the entries that it shares with the first, and spells out the rest, which enters no table. */
  other(headers: HeaderList): Uint8Array;
}

/**
 * Encodes a request that a connection sends over and over, or with some headers that change (RFC 7541), without Huffman coding. At most 60 headers, those
 * of the first request together below 4 KiB.
 */
export function encodeHeaders(headers: HeaderList): EncodedHeaders {
  const first: number[] = [];
  const entered: string[] = [];
  for (const [name, value] of headers) {
    const pair = STATIC_PAIRS[`${name} ${value}`];
    if (pair !== undefined) {
      first.push(0x80 | pair);
      continue;
    }
    const index = STATIC_NAMES[name];
    if (index === undefined) first.push(0x40, ...string(name));
    else first.push(0x40 | index);
    first.push(...string(value));
    entered.push(`${name} ${value}`);
  }
  const other = (list: HeaderList) => {
    const block: number[] = [];
    for (const [name, value] of list) {
      const pair = STATIC_PAIRS[`${name} ${value}`];
      const position = entered.indexOf(`${name} ${value}`);
      if (pair !== undefined) block.push(0x80 | pair);
      // The newest entry has the lowest index.
      else if (position >= 0) block.push(...integer(0x80, 7, STATIC_SIZE + entered.length - position));
      else {
        const index = STATIC_NAMES[name];
        block.push(...(index === undefined ? [0, ...string(name)] : integer(0, 4, index)), ...string(value));
      }
    }
    return Uint8Array.from(block);
  };
  return { first: Uint8Array.from(first), again: other(headers), other };
}

function string(text: string): number[] {
  const bytes = Buffer.from(text, "latin1");
  return [...integer(0, 7, bytes.length), ...bytes];
}

/** RFC 7541, section 5.1. */
function integer(flags: number, prefix: number, value: number): number[] {
  const limit = (1 << prefix) - 1;
  if (value < limit) return [flags | value];
  const bytes = [flags | limit];
  let rest = value - limit;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return bytes;
}

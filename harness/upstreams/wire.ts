import { bodyBytes } from "../target/body.ts";
import type { Body, HeaderList } from "../target/exchange.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function bytesOf(body: Body | Uint8Array | undefined): Buffer {
  return Buffer.from(body instanceof Uint8Array ? body : bodyBytes(body));
}

/** What is the same as text and as bytes; nearly every name and value is. */
const ASCII = /^[\0-\x7f]*$/;

/** Node's HTTP modules hold header values as one character for each byte; we hold text. */
export function toWire(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** Text where the bytes are UTF-8, else one character for each byte. */
export function fromWire(value: string): string {
  if (ASCII.test(value)) return value;
  const bytes = Buffer.from(value, "latin1");
  try {
    return strict.decode(bytes);
  } catch {
    return value;
  }
}

/** Node's flat `rawHeaders` as pairs, in the order of the wire, repeated names apart. */
export function pairsOf(rawHeaders: readonly string[]): Array<readonly [string, string]> {
  const pairs: Array<readonly [string, string]> = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) pairs.push([fromWire(rawHeaders[i] ?? ""), fromWire(rawHeaders[i + 1] ?? "")]);
  return pairs;
}

export function headerOf(headers: HeaderList, name: string): string | undefined {
  return headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

/** The messages in a gRPC body; `undefined` where it is not made of whole messages. */
export function messagesOf(bytes: Buffer): Buffer[] | undefined {
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + 5 > bytes.length) return undefined;
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) return undefined;
    messages.push(bytes.subarray(at + 5, end));
    at = end;
  }
  return messages;
}

import type { Body, Protocol } from "./exchange.ts";

/** The bytes of a body as requests and scripts give it. */
export function bodyBytes(body: Body | undefined): Uint8Array {
  if (body === undefined) return new Uint8Array(0);
  return typeof body === "string" ? Buffer.from(body, "utf8") : Buffer.from(body.base64, "base64");
}

/** What a peer of HTTP/2 takes in one frame (RFC 9113, section 6.5.2: SETTINGS_MAX_FRAME_SIZE); Envoy asks for no other. */
const FRAME = 16_384;

/** The parts of a body that come to Envoy's filters one by one: over HTTP/2 the DATA frames, of which no part is larger. Over HTTP/1.1 what is sent at once is taken to come at once. */
export function bodyParts(pieces: readonly Uint8Array[], protocol: Protocol): Uint8Array[] {
  const content = pieces.filter(({ length }) => length > 0);
  if (protocol !== "h2" && protocol !== "grpc") return content;
  return content.flatMap((piece) =>
    Array.from({ length: Math.ceil(piece.length / FRAME) }, (_, index) => piece.subarray(index * FRAME, (index + 1) * FRAME)),
  );
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A body as results show it: text where the bytes are UTF-8, else base64. */
export function toBody(bytes: Uint8Array): Body {
  try {
    return strict.decode(bytes);
  } catch {
    return { base64: Buffer.from(bytes).toString("base64") };
  }
}

/** One message as gRPC frames it: not compressed, its length, its bytes. */
export function frameMessage(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(message.length + 5);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, 5);
  return frame;
}

/** The messages in gRPC frames, one after the other; bytes that are not frames to their end are returned as they are. */
export function unframeMessages(bytes: Uint8Array): Uint8Array {
  const messages: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const start = at + 5;
    if (start > bytes.length) return bytes;
    at = start + view.getUint32(start - 4);
    if (at > bytes.length) return bytes;
    messages.push(bytes.subarray(start, at));
  }
  return Buffer.concat(messages);
}

const TEXT_FRAME = 0x81;
const MASKED = 0x80;

/** One WebSocket text message in a frame (RFC 6455, section 5.2). A client's frame is masked; the mask is zero, so that runs are alike. */
export function frameWebSocket(message: Uint8Array, fromClient: boolean): Uint8Array {
  const length = message.length;
  const mask = fromClient ? MASKED : 0;
  const head = length < 126 ? [TEXT_FRAME, mask | length] : [TEXT_FRAME, mask | 126, length >> 8, length & 0xff];
  return Buffer.concat([Uint8Array.from(head), new Uint8Array(fromClient ? 4 : 0), message]);
}

/** Close frames without a reason: a client's, with a mask, and a server's. */
export const CLIENT_CLOSE = Uint8Array.of(0x88, MASKED, 0, 0, 0, 0);
export const SERVER_CLOSE = Uint8Array.of(0x88, 0);

/** Bytes of the first frame; `undefined` where it is not whole. */
export function frameLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < 2) return undefined;
  const [, second = 0, high = 0, low = 0] = bytes;
  const short = second & 0x7f;
  if (short === 126 && bytes.length < 4) return undefined;
  const length = (short === 126 ? 4 + ((high << 8) | low) : 2 + short) + ((second & MASKED) === 0 ? 0 : 4);
  return length <= bytes.length ? length : undefined;
}

/** The message of the first frame. */
export function unframeWebSocket(frame: Uint8Array): Uint8Array {
  if (frame.length < 2) return new Uint8Array(0);
  const masked = ((frame[1] ?? 0) & MASKED) !== 0;
  const short = (frame[1] ?? 0) & 0x7f;
  const at = short === 126 ? 4 : 2;
  const length = short === 126 ? ((frame[2] ?? 0) << 8) | (frame[3] ?? 0) : short;
  const start = masked ? at + 4 : at;
  return frame.slice(start, start + length);
}

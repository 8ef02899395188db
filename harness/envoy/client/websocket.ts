import { randomBytes } from "node:crypto";
import type { HeaderList } from "../../target/index.ts";
import { Http1Connection } from "./http1.ts";
import type { ClientRequest, ClientResponse } from "./message.ts";

/** What an upgrade carries where the request does not say otherwise. */
const UPGRADE_HEADERS: HeaderList = [
  ["connection", "Upgrade"],
  ["upgrade", "websocket"],
  ["sec-websocket-version", "13"],
];

/** Upgrades, sends the body as one message and waits for one, which is the response's body; then it closes. */
export class WebSocketConnection extends Http1Connection {
  override async exchange(request: ClientRequest): Promise<ClientResponse | undefined> {
    const key: readonly [string, string] = ["sec-websocket-key", randomBytes(16).toString("base64")];
    const missing = [...UPGRADE_HEADERS, key].filter(([name]) => !request.headers.some(([other]) => other.toLowerCase() === name));
    const response = await super.exchange({ ...request, headers: [...request.headers, ...missing], pieces: [], streamed: false });
    if (response?.status !== 101) return response;
    this.socket.write(clientFrame(Buffer.concat(request.pieces)));
    let bytes = Buffer.alloc(0);
    const body = await this.until((more) => serverMessage((bytes = Buffer.concat([bytes, more]))));
    // The server closes the connection in answer (RFC 6455, section 7.1.1).
    if (body !== undefined) this.socket.write(CLOSE);
    await this.until(() => undefined);
    this.close();
    return body === undefined ? undefined : { ...response, body };
  }

  override get reusable(): boolean {
    return false;
  }
}

const FINAL_TEXT = 0x81;
const MASKED = 0x80;
/** A close frame without a reason. */
const CLOSE = Buffer.from([0x88, MASKED, 0, 0, 0, 0]);

/** A text message in one frame (RFC 6455, section 5.2). The mask is zero: it protects from nothing here, and runs stay alike. */
export function clientFrame(message: Buffer): Buffer {
  const length = message.length;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = FINAL_TEXT;
  head[1] = MASKED | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, Buffer.alloc(4), message]);
}

/** The first message, which came in one frame; `undefined` while it is incomplete. A server does not mask. */
function serverMessage(bytes: Buffer): Buffer | undefined {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] ?? 0) & 0x7f;
  const start = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < start) return undefined;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  return bytes.length < start + length ? undefined : bytes.subarray(start, start + length);
}

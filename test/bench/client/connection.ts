import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeHeaders, type EncodedHeaders } from "./hpack.ts";
import { period, type Requests } from "./requests.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const FRAME_HEADER = 9;
const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
/** `:status: 200`, whole, in the static table of HPACK. */
const STATUS_200 = 0x88;

/** Requests in one write. */
interface Batch {
  readonly bytes: Buffer;
  /** Where the identifiers of their streams stand. */
  readonly ids: readonly number[];
  readonly allowed: readonly boolean[];
}

/**
 * One HTTP/2 connection that sends requests in batches, and counts the answers. For requests that repeat it encodes nothing and allocates next to nothing
 * while it measures: `node:http2` takes as long for a request as Envoy does.
 *
 * Every answer must be what the request expects, a 200 or another status, or the batch fails: a benchmark of errors measures nothing.
 */
export class Connection implements AsyncDisposable {
  private readonly socket: Socket;
  private readonly requests: Requests;
  private readonly headers: EncodedHeaders;
  private readonly size: number;
  /** Those that have been sent and come again. */
  private readonly batches: Batch[] = [];
  private readonly distinct: number;
  private sent = 0;
  private nextId = 1;
  private firstId = 1;
  private allowed: readonly boolean[] = [true];
  private open = 0;
  private done: (() => void) | undefined;
  private fail: ((error: Error) => void) | undefined;
  private failure: Error | undefined;
  private readonly pending: Buffer = Buffer.allocUnsafe(1 << 20);
  private pendingLength = 0;
  private receivedData = 0;

  private constructor(socket: Socket, requests: Requests, headers: EncodedHeaders, size: number) {
    this.socket = socket;
    this.requests = requests;
    this.headers = headers;
    this.size = size;
    this.distinct = period(requests, size);
    if (Number.isFinite(this.distinct)) for (let i = 0; i < this.distinct; i++) this.batches.push(this.batch(i));
  }

  /**
   * Connects, and sends the first of `requests` once, so that the peer's header table is filled. It must be allowed.
   *
   * @param size requests of a batch
   */
  static async open(port: number, requests: Requests, size: number): Promise<Connection> {
    const headers = encodeHeaders(requests.first);
    const buffer = Buffer.allocUnsafe(1 << 16);
    const socket = connect({
      port,
      host: "127.0.0.1",
      noDelay: true,
      onread: {
        buffer,
        callback: (length) => {
          connection.receive(buffer, length);
          return true;
        },
      },
    });
    const connection = new Connection(socket, requests, headers, size);
    const { fault } = connection;
    socket.on("error", (error) => fault(error));
    socket.on("close", () => fault(new Error("the connection was closed")));
    await once(socket, "connect");
    socket.write(Buffer.concat([PREFACE, frame(TYPE.settings, 0, 0, new Uint8Array(0))]));
    connection.open = 1;
    const answered = connection.answered();
    socket.write(withStreamId(headersFrame(headers.first, true), connection.nextId));
    connection.nextId += 2;
    await answered;
    return connection;
  }

  /** Sends the next batch in one write, and resolves to the microseconds until the last answer has ended. */
  async run(): Promise<number> {
    const { bytes, ids, allowed } = this.batches[this.sent % this.distinct] ?? this.batch(this.sent);
    this.sent++;
    this.firstId = this.nextId;
    this.allowed = allowed;
    for (const offset of ids) {
      bytes.writeUInt32BE(this.nextId, offset);
      this.nextId += 2;
    }
    this.open = ids.length;
    const answered = this.answered();
    const start = process.hrtime.bigint();
    this.socket.write(bytes);
    await answered;
    return Number(process.hrtime.bigint() - start) / 1000;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.removeAllListeners("close").destroy();
  }

  private batch(number: number): Batch {
    const frames: Buffer[] = [];
    const ids: number[] = [];
    const allowed: boolean[] = [];
    let length = 0;
    for (let i = 0; i < this.size; i++) {
      const request = this.requests.at(number * this.size + i);
      const frame = headersFrame(this.headers.other(request.headers), true);
      frames.push(frame);
      ids.push(length + 5);
      allowed.push(request.allowed);
      length += frame.length;
    }
    return { bytes: Buffer.concat(frames), ids, allowed };
  }

  private answered(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) return reject(this.failure);
      this.done = resolve;
      this.fail = reject;
    });
  }

  private readonly fault = (error: Error): void => {
    this.failure ??= error;
    this.fail?.(this.failure);
  };

  private receive(chunk: Buffer, length: number): void {
    chunk.copy(this.pending, this.pendingLength, 0, length);
    this.pendingLength += length;
    let position = 0;
    while (position + FRAME_HEADER <= this.pendingLength) {
      const size = this.pending.readUIntBE(position, 3);
      if (position + FRAME_HEADER + size > this.pendingLength) break;
      this.onFrame(position, size);
      position += FRAME_HEADER + size;
    }
    this.pending.copyWithin(0, position, this.pendingLength);
    this.pendingLength -= position;
    if (this.open === 0) this.done?.();
  }

  /** Trailers would need to be told apart; direct responses have none. */
  private onStatus(stream: number, is200: boolean): void {
    const allowed = this.allowed[(stream - this.firstId) >> 1] ?? true;
    if (is200 !== allowed) this.fault(new Error(allowed ? "an answer is no 200" : "an answer is a 200 where the request must be refused"));
  }

  private onFrame(position: number, size: number): void {
    const type = this.pending[position + 3];
    const flags = this.pending[position + 4] ?? 0;
    const payload = position + FRAME_HEADER;
    switch (type) {
      case TYPE.headers:
        this.onStatus(this.pending.readUInt32BE(position + 5), this.pending[payload] === STATUS_200);
        break;
      case TYPE.data:
        this.receivedData += size;
        break;
      case TYPE.settings:
        if ((flags & ACK) === 0) this.socket.write(frame(TYPE.settings, ACK, 0, new Uint8Array(0)));
        return;
      case TYPE.ping:
        if ((flags & ACK) === 0) this.socket.write(frame(TYPE.ping, ACK, 0, this.pending.subarray(payload, payload + size)));
        return;
      case TYPE.reset:
        return this.fault(new Error("a stream was reset"));
      case TYPE.goaway:
        return this.fault(new Error("the connection was given up (GOAWAY)"));
      default:
        return;
    }
    if ((flags & END_STREAM) !== 0) this.open--;
    if (this.receivedData > 32_768) {
      const increment = Buffer.alloc(4);
      increment.writeUInt32BE(this.receivedData);
      this.socket.write(frame(TYPE.windowUpdate, 0, 0, increment));
      this.receivedData = 0;
    }
  }
}

function headersFrame(block: Uint8Array, endStream: boolean): Buffer {
  return frame(TYPE.headers, END_HEADERS | (endStream ? END_STREAM : 0), 0, block);
}

function withStreamId(bytes: Buffer, id: number): Buffer {
  bytes.writeUInt32BE(id, 5);
  return bytes;
}

/** RFC 9113, section 4.1. */
function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, FRAME_HEADER);
  return bytes;
}

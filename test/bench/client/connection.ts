import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { HeaderList } from "../../../harness/target/index.ts";
import { encodeHeaders } from "./hpack.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const FRAME_HEADER = 9;
const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
/** `:status: 200`, whole, in the static table of HPACK. */
const STATUS_200 = 0x88;

/**
 * One HTTP/2 connection that sends the same request again and again, in batches, and counts the answers. It encodes nothing and
 * allocates next to nothing while it measures: `node:http2` takes as long for a request as Envoy does.
 *
 * Every answer must be a 200, or the batch fails: a benchmark of errors measures nothing.
 */
export class Connection implements AsyncDisposable {
  private readonly socket: Socket;
  private readonly batch: Buffer;
  private readonly idOffsets: readonly number[];
  private nextId = 1;
  private open = 0;
  private done: (() => void) | undefined;
  private fail: ((error: Error) => void) | undefined;
  private failure: Error | undefined;
  private readonly pending: Buffer = Buffer.allocUnsafe(1 << 20);
  private pendingLength = 0;
  private receivedData = 0;

  private constructor(socket: Socket, block: Uint8Array, size: number) {
    this.socket = socket;
    const frame = headersFrame(block, true);
    this.batch = Buffer.concat(Array.from({ length: size }, () => frame));
    this.idOffsets = Array.from({ length: size }, (_, i) => i * frame.length + 5);
  }

  /** Connects, and sends the request once, so that the peer's header table is filled. `size`: requests of a batch. */
  static async open(port: number, headers: HeaderList, size: number): Promise<Connection> {
    const { first, again } = encodeHeaders(headers);
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
    const connection = new Connection(socket, again, size);
    const { fault } = connection;
    socket.on("error", (error) => fault(error));
    socket.on("close", () => fault(new Error("the connection was closed")));
    await once(socket, "connect");
    socket.write(Buffer.concat([PREFACE, frame(TYPE.settings, 0, 0, new Uint8Array(0))]));
    connection.open = 1;
    const answered = connection.answered();
    socket.write(withStreamId(headersFrame(first, true), connection.nextId));
    connection.nextId += 2;
    await answered;
    return connection;
  }

  /** Sends the batch in one write, and resolves to the microseconds until the last answer has ended. */
  async run(): Promise<number> {
    for (const offset of this.idOffsets) {
      this.batch.writeUInt32BE(this.nextId, offset);
      this.nextId += 2;
    }
    this.open = this.idOffsets.length;
    const answered = this.answered();
    const start = process.hrtime.bigint();
    this.socket.write(this.batch);
    await answered;
    return Number(process.hrtime.bigint() - start) / 1000;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.removeAllListeners("close").destroy();
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

  private onFrame(position: number, size: number): void {
    const type = this.pending[position + 3];
    const flags = this.pending[position + 4] ?? 0;
    const payload = position + FRAME_HEADER;
    switch (type) {
      case TYPE.headers:
        // Trailers would need to be told apart; direct responses have none.
        if (this.pending[payload] !== STATUS_200) this.fault(new Error("an answer is no 200"));
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

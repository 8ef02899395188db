import { type Socket } from "node:net";
import { toWire } from "../../upstreams/index.ts";
import { sendPieces, type ClientConnection, type ClientRequest, type ClientResponse } from "./message.ts";
import { Http1Reader } from "./http1-reader.ts";

/** HTTP/1.1 over a socket that is connected, without a library in between that would refuse what is malformed. */
export class Http1Connection implements ClientConnection {
  readonly port: number;
  protected readonly socket: Socket;
  private open = true;
  private keep = true;
  private onEvent: () => void = () => undefined;
  private reader = new Http1Reader("GET");
  private pending: Buffer[] = [];

  constructor(socket: Socket, port: number) {
    this.socket = socket;
    this.port = port;
    const end = () => {
      this.open = false;
      this.reader.end();
      this.onEvent();
    };
    socket.on("data", (chunk: Buffer) => {
      this.pending.push(chunk);
      this.onEvent();
    });
    socket.on("close", end);
    socket.on("end", end);
    socket.on("error", () => socket.destroy());
  }

  get reusable(): boolean {
    return this.open && this.keep;
  }

  async exchange(request: ClientRequest): Promise<ClientResponse | undefined> {
    this.reader = new Http1Reader(request.method);
    this.socket.write(head(request), "latin1");
    const sent = this.sendBody(request);
    const response = await this.response();
    await sent;
    return response;
  }

  close(): void {
    this.open = false;
    this.socket.destroy();
  }

  /** Resolves with what `read` returns once it returns something, or `undefined` when the connection has ended. */
  protected until<T>(read: (bytes: Buffer) => T | undefined): Promise<T | undefined> {
    return new Promise((resolve) => {
      const look = () => {
        const result = read(Buffer.concat(this.pending.splice(0)));
        if (result === undefined && this.open) return;
        this.onEvent = () => undefined;
        resolve(result);
      };
      this.onEvent = look;
      look();
    });
  }

  protected response(): Promise<ClientResponse | undefined> {
    return this.until((bytes) => {
      const response = this.reader.read(bytes);
      if (response !== undefined) {
        this.keep = this.reader.keepAlive;
        // What came behind a 101 belongs to the protocol that follows.
        if (this.reader.rest.length > 0) this.pending.unshift(this.reader.rest);
      } else if (this.reader.failed) this.close();
      return response;
    });
  }

  private async sendBody({ pieces, streamed, trailers }: ClientRequest): Promise<void> {
    const write = (data: Buffer | string) => this.open && this.socket.write(data, "latin1");
    if (!streamed) return sendPieces(pieces, write);
    await sendPieces(pieces, (piece) => {
      if (piece.length > 0) write(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]));
    });
    write(`0\r\n${lines(trailers)}\r\n`);
  }
}

function head({ method, path, authority, headers, pieces, streamed }: ClientRequest): string {
  const has = (wanted: string) => headers.some(([name]) => name.toLowerCase() === wanted);
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const framing = streamed ? "transfer-encoding: chunked\r\n" : length > 0 && !has("content-length") ? `content-length: ${length}\r\n` : "";
  const host = authority === "" ? "" : `host: ${toWire(authority)}\r\n`;
  return `${toWire(method)} ${toWire(path)} HTTP/1.1\r\n${host}${lines(headers)}${framing}\r\n`;
}

function lines(headers: ClientRequest["headers"]): string {
  return headers.map(([name, value]) => `${toWire(name)}: ${toWire(value)}\r\n`).join("");
}

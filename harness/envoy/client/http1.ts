import { type Socket } from "node:net";
import { framingOf, Http1Reader, type Http1Message, type ReadHead } from "../../upstreams/http1-reader.ts";
import { toWire } from "../../upstreams/index.ts";
import { type ClientConnection, type ClientRequest, type ClientResponse } from "./message.ts";

/** A request that Envoy has not seen: the connection ended with the answer before. */
export const NOT_BEGUN = Symbol("not begun");

/** The first line and the headers of a request that ends where its client says, and leaves the connection as it is. */
const PLAIN = /^(?!CONNECT )[^\r\n]*\r\n(?:(?!content-length|transfer-encoding|connection|upgrade|expect)[^\r\n]+\r\n)*$/i;

/** HTTP/1.1 over a socket that is connected, without a library in between that would refuse what is malformed. */
export class Http1Connection implements ClientConnection {
  readonly port: number;
  protected readonly socket: Socket;
  private open = true;
  private keep = true;
  private onEvent: () => void = () => undefined;
  private reader = new Http1Reader(() => undefined);
  private pending: Buffer[] = [];
  /** The answer to the request that was sent last. */
  private answer: Promise<ClientResponse | undefined | typeof NOT_BEGUN> = Promise.resolve(undefined);
  private plain = false;

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

  exchange(request: ClientRequest): Promise<ClientResponse | undefined> {
    const answer = this.answerTo(request, this.send(request));
    this.answer = answer;
    return answer;
  }

  /** Whether a request can be sent while the answer to the one before is to come: Envoy takes it up when that one is over. */
  get followable(): boolean {
    return this.reusable && this.plain;
  }

  /** Sends a request behind the one that was sent last. */
  follow(request: ClientRequest): Promise<ClientResponse | undefined | typeof NOT_BEGUN> {
    this.answer = this.answerBehind(this.answer, request, this.send(request));
    return this.answer;
  }

  private async answerBehind(before: Promise<unknown>, request: ClientRequest, sent: Promise<void> | undefined) {
    const response = await before;
    return typeof response === "object" && this.keep ? this.answerTo(request, sent) : NOT_BEGUN;
  }

  /** Returns what is under way of the body. */
  private send(request: ClientRequest): Promise<void> | undefined {
    const { pieces, streamed } = request;
    const fields = head(request);
    this.plain = !streamed && pieces.length < 2 && PLAIN.test(fields);
    this.socket.write(`${fields}${framing(request)}\r\n`, "latin1");
    return pieces.length > 0 || streamed ? this.sendBody(request) : undefined;
  }

  private async answerTo({ method, giveUp }: ClientRequest, sent: Promise<void> | undefined): Promise<ClientResponse | undefined> {
    this.reader = new Http1Reader(this.readHead(method));
    if (!this.open) this.reader.end();
    let over = false;
    void giveUp?.then(() => over || this.close());
    const message = await this.message();
    over = true;
    await sent;
    if (message === undefined) return undefined;
    const { start, headers, body, trailers } = message;
    return { status: statusOf(start), headers, body, trailers };
  }

  close(): void {
    this.open = false;
    this.socket.destroy();
  }

  /** Resolves with what `read` returns once it returns something, or `undefined` when the connection has ended. */
  protected until<T>(read: (bytes: Buffer) => T | undefined): Promise<T | undefined> {
    return new Promise((resolve) => {
      const look = () => {
        const pieces = this.pending;
        if (pieces.length === 0 && this.open) return;
        this.pending = [];
        const result = read(pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces));
        if (result === undefined && this.open) return;
        this.onEvent = () => undefined;
        resolve(result);
      };
      this.onEvent = look;
      look();
    });
  }

  private message(): Promise<Http1Message | undefined> {
    return this.until((bytes) => {
      const message = this.reader.read(bytes);
      // What came behind a 101 belongs to the protocol that follows.
      if (message !== undefined && this.reader.rest.length > 0) this.pending.unshift(this.reader.rest);
      if (this.reader.failed) this.close();
      return message;
    });
  }

  /** RFC 9112, section 6.3. */
  private readHead(method: string): ReadHead {
    return (start, headers) => {
      const status = statusOf(start);
      if (Number.isNaN(status)) return undefined;
      if (status < 200 && status !== 101) return "interim";
      const { connection, chunked, length } = framingOf(headers);
      this.keep = connection !== "close";
      if (method === "HEAD" || status === 204 || status === 304 || status === 101) return 0;
      if (chunked) return "chunked";
      if (length !== undefined) return Number(length);
      this.keep = false;
      return "until-close";
    };
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

/** So that pieces of a body do not arrive together, where nothing tells that one was read; milliseconds. */
const BETWEEN_PIECES = 5;

async function sendPieces(pieces: readonly Buffer[], send: (piece: Buffer) => void): Promise<void> {
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await new Promise((resolve) => setTimeout(resolve, BETWEEN_PIECES));
    send(piece);
  }
}

/** `NaN` where it is no status line. */
function statusOf(start: string): number {
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(start)?.[1] ?? NaN);
}

function head({ method, path, authority, headers }: ClientRequest): string {
  const host = authority === "" ? "" : `host: ${toWire(authority)}\r\n`;
  return `${toWire(method)} ${toWire(path)} HTTP/1.1\r\n${host}${lines(headers)}`;
}

function framing({ headers, pieces, streamed }: ClientRequest): string {
  if (streamed) return "transfer-encoding: chunked\r\n";
  if (pieces.length === 0 || headers.some(([name]) => name.toLowerCase() === "content-length")) return "";
  return `content-length: ${pieces.reduce((sum, piece) => sum + piece.length, 0)}\r\n`;
}

function lines(headers: ClientRequest["headers"]): string {
  return headers.map(([name, value]) => `${toWire(name)}: ${toWire(value)}\r\n`).join("");
}

import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { type Socket } from "node:net";
import type { HeaderList } from "../../target/index.ts";
import { dealtWith, sendPieces } from "../../upstreams/index.ts";
import { pairsOf } from "../../upstreams/wire.ts";
import { HeaderBlockSubstitution } from "./http2-frames.ts";
import { type ClientConnection, type ClientRequest, type ClientResponse } from "./message.ts";

/** Bytes of DATA that a peer takes of a connection before it says more (RFC 9113, section 6.9.2). */
const FIRST_WINDOW = 65_535;

/** HTTP/2 over a socket that is connected, one stream after the other, with header blocks exactly as given. */
export class Http2Connection implements ClientConnection {
  readonly port: number;
  private readonly wire: HeaderBlockSubstitution;
  private readonly session: ClientHttp2Session;

  constructor(socket: Socket, port: number) {
    this.port = port;
    this.wire = new HeaderBlockSubstitution(socket);
    this.session = connect("http://localhost", {
      createConnection: () => this.wire,
      maxHeaderListPairs: 65_535,
      settings: { enablePush: false, maxHeaderListSize: 4 * 1024 * 1024 },
    });
    // The stream in flight tells of it.
    this.session.on("error", () => undefined);
  }

  get reusable(): boolean {
    return !this.session.closed && !this.session.destroyed;
  }

  async exchange(request: ClientRequest): Promise<ClientResponse | undefined> {
    // Until Envoy has said how much it takes, frames would end where that does.
    if (request.pieces.reduce((size, { length }) => size + length, 0) > FIRST_WINDOW) await dealtWith(this.session);
    if (!this.reusable) return undefined;
    const bodiless = request.pieces.length === 0;
    const endStream = bodiless && request.trailers.length === 0 && request.endless !== true;
    // The session sees these alone; that it is a HEAD it has to know, to expect no body.
    const placeholder = { ":method": request.method === "HEAD" ? "HEAD" : "POST", ":path": "/" };
    this.wire.substituteHeaders(headerBlock(request));
    const stream = this.session.request(placeholder, {
      endStream,
      waitForTrailers: request.trailers.length > 0 || request.endless === true,
    });
    stream.on("wantTrailers", () => {
      // A stream that is reset ends first, for Node; without trailers that it waits for it does not for the peer.
      if (request.endless === true) return;
      if (stream.id !== undefined) this.wire.substituteTrailers(stream.id, request.trailers);
      stream.sendTrailers({ "x-placeholder": "1" });
    });
    const response = receive(stream, () => this.wire.lastEnded === stream.id);
    if (!endStream) void this.sendBody(stream, request);
    void request.giveUp?.then(() => this.giveUp(stream));
    return response;
  }

  /** What is given to a stream with its end at once has it in its last frame; the end of several pieces is a frame of its own. */
  private async sendBody(stream: ClientHttp2Stream, { pieces, endless = false }: ClientRequest): Promise<void> {
    if (pieces.length < 2 && !endless) return void stream.end(pieces[0]);
    const open = await sendPieces(stream, pieces);
    if (endless) await this.giveUp(stream);
    else if (open) stream.end();
  }

  /** Resets the stream, unless its answer is there. */
  private async giveUp(stream: ClientHttp2Stream): Promise<void> {
    await dealtWith(this.session);
    if (!stream.destroyed && this.wire.lastEnded !== stream.id) stream.close(constants.NGHTTP2_CANCEL);
  }

  close(): void {
    this.session.destroy();
    this.wire.destroy();
  }
}

function headerBlock({ method, scheme, authority, path, headers }: ClientRequest): HeaderList {
  const pseudo: Array<readonly [string, string]> = [
    [":method", method],
    [":scheme", scheme],
    ...(authority === "" ? [] : [[":authority", authority] as const]),
    ...(path === "" ? [] : [[":path", path] as const]),
  ];
  const lower = headers.map(([name, value]) => [name.toLowerCase(), value] as const);
  const isPseudo = ([name]: readonly [string, string]) => name.startsWith(":");
  return [...pseudo, ...lower.filter(isPseudo), ...lower.filter((header) => !isPseudo(header))];
}

/** @param hasEnded whether the peer's side of the stream is over. The session does not say where a connection broke right behind it. */
function receive(stream: ClientHttp2Stream, hasEnded: () => boolean): Promise<ClientResponse | undefined> {
  return new Promise((resolve) => {
    let headers: HeaderList | undefined;
    let trailers: HeaderList = [];
    let complete = false;
    const body: Buffer[] = [];
    stream.on("response", (_headers: unknown, _flags: number, raw: string[]) => (headers = pairsOf(raw)));
    stream.on("trailers", (_trailers: unknown, _flags: number, raw: string[]) => (trailers = pairsOf(raw)));
    stream.on("data", (chunk: Buffer) => body.push(chunk));
    const settle = () => {
      if (headers === undefined || !(complete || (stream.rstCode === 0 && hasEnded()))) return resolve(undefined);
      const status = Number(headers.find(([name]) => name === ":status")?.[1] ?? 0);
      resolve({ status, headers: headers.filter(([name]) => !name.startsWith(":")), body: Buffer.concat(body), trailers });
    };
    stream.on("end", () => {
      complete = stream.rstCode === 0;
      // A peer that answered early may leave the request's side open.
      if (complete) settle();
    });
    stream.on("error", () => undefined);
    stream.on("close", settle);
  });
}

import { connect, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { type Socket } from "node:net";
import type { HeaderList } from "../../target/index.ts";
import { pairsOf } from "../../upstreams/wire.ts";
import { HeaderBlockSubstitution } from "./http2-frames.ts";
import { sendPieces, type ClientConnection, type ClientRequest, type ClientResponse } from "./message.ts";

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

  exchange(request: ClientRequest): Promise<ClientResponse | undefined> {
    const bodiless = request.pieces.length === 0;
    const endStream = bodiless && request.trailers.length === 0;
    // The session sees these alone; that it is a HEAD it has to know, to expect no body.
    const placeholder = { ":method": request.method === "HEAD" ? "HEAD" : "POST", ":path": "/" };
    this.wire.substituteHeaders(headerBlock(request));
    const stream = this.session.request(placeholder, { endStream, waitForTrailers: request.trailers.length > 0 });
    stream.on("wantTrailers", () => {
      if (stream.id !== undefined) this.wire.substituteTrailers(stream.id, request.trailers);
      stream.sendTrailers({ "x-placeholder": "1" });
    });
    const response = receive(stream, () => this.wire.lastEnded === stream.id);
    if (bodiless && !endStream) stream.end();
    void sendPieces(request.pieces, (piece, last) => {
      if (stream.destroyed || stream.closed) return;
      if (last) stream.end(piece);
      else stream.write(piece);
    });
    return response;
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

import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { type Socket, isIP } from "node:net";
import { TLSSocket } from "node:tls";
import type { Server } from "@grpc/grpc-js";

/** A request that is no call of gRPC, on the address of xDS. */
export interface PlainRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** What is known of the client by its connection, as gRPC has it (`AuthContext` of grpc-js). */
  readonly credentials: unknown;
  /** `ip:port` of the client. */
  readonly peer: string;
  readonly body: Uint8Array;
}

/** An answer of text. */
export interface PlainAnswer {
  readonly status: number;
  readonly body: string;
}

export type PlainHandler = (request: PlainRequest) => Promise<PlainAnswer>;

/** Bytes of a request's body. */
const LONGEST_BODY = 1024 * 1024;
/** Requests at once. */
const REQUESTS = 100;
/** Milliseconds for a body. */
const PATIENCE = 10_000;

type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, rawHeaders: string[]) => void;

/**
 * Has `handler` answer what is no gRPC, where grpc-js says 415: a proxy that has one cluster for its control service can tell it something by HTTP there, on connections by which it is known who it is.
 * grpc-js 1.14 has no way to that, so this takes its listener for streams, and calls it for those that are its own.
 */
export function servePlainRequests(grpc: Server, handler: PlainHandler): void {
  const { http2Servers } = grpc as unknown as { readonly http2Servers: ReadonlyMap<Http2Server, unknown> };
  let open = 0;
  for (const server of http2Servers.keys()) {
    const [serveCall] = server.listeners("stream") as unknown as readonly StreamListener[];
    if (serveCall === undefined) throw new TypeError("grpc-js listens for streams in another way");
    server.removeAllListeners("stream");
    server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, rawHeaders: string[]) => {
      if (headers["content-type"]?.startsWith("application/grpc") === true) return serveCall(stream, headers, flags, rawHeaders);
      stream.on("error", () => undefined);
      if (open >= REQUESTS) return answer(stream, { status: 503, body: "too many requests at once\n" });
      open += 1;
      stream.once("close", () => (open -= 1));
      void serve(stream, headers, handler);
    });
  }
}

async function serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, handler: PlainHandler): Promise<void> {
  stream.setTimeout(PATIENCE, () => stream.close());
  const { socket } = stream.session ?? {};
  const peer = peerOf(socket);
  const credentials = credentialsOf(socket);
  try {
    const body = await bodyOf(stream);
    if (body === undefined) return answer(stream, { status: 413, body: `at most ${LONGEST_BODY} bytes are read\n` });
    const { ":method": method = "", ":path": path = "" } = headers;
    answer(stream, await handler({ method, path, headers, credentials, peer, body }));
  } catch {
    answer(stream, { status: 500, body: "the control service failed at this request\n" });
  }
}

/** @returns undefined where it is too long; then it is not read to its end */
function bodyOf(stream: ServerHttp2Stream): Promise<Uint8Array | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | undefined>();
  let chunks: Buffer[] = [];
  let length = 0;
  stream.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length <= LONGEST_BODY) return void chunks.push(chunk);
    chunks = [];
    stream.pause();
    resolve(undefined);
  });
  stream.on("end", () => resolve(Buffer.concat(chunks)));
  stream.on("close", () => reject(new Error("the client left")));
  return promise;
}

function answer(stream: ServerHttp2Stream, { status, body }: PlainAnswer): void {
  if (stream.destroyed || stream.headersSent || stream.closed) return;
  stream.respond({ ":status": status, "content-type": "text/plain" });
  // Who still sends is told to stop (RFC 9113, section 8.1).
  stream.end(body, () => stream.close());
}

function peerOf(socket: Pick<Socket, "remoteAddress" | "remotePort"> | undefined): string {
  const { remoteAddress = "", remotePort = 0 } = socket ?? {};
  return isIP(remoteAddress) === 6 ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}

/** As `getAuthContext` of a call has it. */
function credentialsOf(socket: unknown): unknown {
  // The socket of a session is a proxy of the real one, which passes on what is asked of it but for what ends it.
  if (!(socket instanceof TLSSocket)) return {};
  return { transportSecurityType: "ssl", sslPeerCertificate: socket.getPeerCertificate(true) };
}

import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { serveHttp1 } from "./http1.ts";
import { http2Server } from "./http2.ts";
import { webSocketServer } from "./websocket.ts";
import type { RecordedRequest, Serve, Upstream, UpstreamOptions } from "./upstream.ts";

/** How an HTTP/2 connection begins (RFC 9113, section 3.4); no HTTP/1.1 request begins so. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** How a record of TLS begins that holds a handshake (RFC 8446, section 5.1); no request begins so. */
const HANDSHAKE = 0x16;

/**
 * Starts an upstream on a free port. HTTP/1.1 and HTTP/2 are told apart by a connection's first bytes.
 *
 * ```ts
 * await using upstream = await startUpstream({ script: ({ path }) => ({ status: path === "/" ? 200 : 404, body: "hello" }) });
 * ```
 */
export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const { host = "127.0.0.1", port = 0, path, tls, script = () => ({}), keep = 1_000 } = options;
  const requests: RecordedRequest[] = [];
  const serve: Serve = (request) => {
    requests.push(request);
    if (requests.length > keep) requests.shift();
    return script(request);
  };
  const http2 = http2Server(serve);
  const webSockets = webSocketServer(serve);
  const serveProtocol = (socket: Socket, isHttp2: boolean) => {
    if (isHttp2) http2.emit("connection", socket);
    else serveHttp1(socket, serve, (upgraded) => webSockets.emit("connection", upgraded));
  };
  const sockets = new Set<Socket>();
  // It listens nowhere either.
  const secure =
    tls &&
    createTlsServer({ ...tls, ALPNProtocols: ["h2", "http/1.1"] }, (socket) => {
      socket.on("error", () => socket.destroy());
      serveProtocol(socket, socket.alpnProtocol === "h2");
    });
  const serveSocket = (socket: Socket) => {
    socket.on("error", () => socket.destroy());
    let begun: Buffer = Buffer.alloc(0);
    const look = () => {
      const more = socket.read() as Buffer | null;
      if (more === null) return;
      // Not put back before it is enough: it would be read again at once, for ever.
      begun = Buffer.concat([begun, more]);
      const length = Math.min(begun.length, PREFACE.length);
      const isHttp2 = begun.subarray(0, length).equals(PREFACE.subarray(0, length));
      if (isHttp2 && length < PREFACE.length) return;
      socket.off("readable", look);
      socket.unshift(begun);
      if (begun[0] !== HANDSHAKE) serveProtocol(socket, isHttp2);
      else if (secure === undefined) socket.destroy();
      else secure.emit("connection", socket);
    };
    socket.on("readable", look);
  };
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    serveSocket(socket);
  });
  if (path === undefined) server.listen(port, host);
  else server.listen(path);
  await once(server, "listening");
  return {
    host,
    port: path === undefined ? (server.address() as AddressInfo).port : 0,
    requests,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      webSockets.close();
      http2.close();
      await closed;
    },
  };
}

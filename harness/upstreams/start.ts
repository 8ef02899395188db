import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { http1Server } from "./http1.ts";
import { http2Server } from "./http2.ts";
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
  const serve: Serve = async (request) => {
    requests.push(request);
    if (requests.length > keep) requests.shift();
    return script(request);
  };
  const http1 = http1Server(serve);
  const http2 = http2Server(serve);
  const sockets = new Set<Socket>();
  // It listens nowhere either.
  const secure =
    tls &&
    createTlsServer({ ...tls, ALPNProtocols: ["h2", "http/1.1"] }, (socket) => {
      socket.on("error", () => socket.destroy());
      (socket.alpnProtocol === "h2" ? http2 : http1).emit("connection", socket);
    });
  const serveSocket = (socket: Socket) => {
    socket.on("error", () => socket.destroy());
    const look = () => {
      const begun = socket.read() as Buffer | null;
      if (begun === null) return;
      if (begun[0] === HANDSHAKE) {
        socket.off("readable", look);
        socket.unshift(begun);
        if (secure === undefined) socket.destroy();
        else secure.emit("connection", socket);
        return;
      }
      const length = Math.min(begun.length, PREFACE.length);
      const isHttp2 = begun.subarray(0, length).equals(PREFACE.subarray(0, length));
      // A session reads what was put back; the other server begins with what comes next.
      socket.unshift(begun);
      if (isHttp2 && length < PREFACE.length) return;
      socket.off("readable", look);
      (isHttp2 ? http2 : http1).emit("connection", socket);
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
      http1.close();
      http2.close();
      await closed;
    },
  };
}

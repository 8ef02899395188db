import { createServer, type IncomingMessage, type Server } from "node:http";
import { type Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { recordOf } from "./http1.ts";
import { wait, type Serve } from "./upstream.ts";
import { bytesOf, pairsOf } from "./wire.ts";

/** The WebSocket part of an upstream. It listens nowhere: connections are handed to it, each with a request for an upgrade. */
export function webSocketServer(serve: Serve): Server {
  const server = createServer({ insecureHTTPParser: true, maxHeaderSize: 4 * 1024 * 1024 });
  // Node takes 2,000 headers at most where it is not told otherwise, and drops the rest silently.
  server.maxHeadersCount = 0;
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      // The client's first message makes the request whole.
      webSocket.once("message", (message: Buffer) => {
        answer(request, message)
          .then(async (answer) => {
            await wait(answer.delay);
            if (answer.reset !== undefined) return socket.destroy();
            // Without a scripted body it is an echo.
            webSocket.send(answer.body === undefined ? message : bytesOf(answer.body), { binary: typeof answer.body === "object" });
          })
          .catch(() => socket.destroy());
      });
      webSocket.on("error", () => socket.destroy());
    });
  });
  const answer = async ({ method = "", url = "", rawHeaders }: IncomingMessage, body: Buffer) =>
    serve({ ...recordOf({ start: `${method} ${url} HTTP/1.1`, headers: pairsOf(rawHeaders), body, trailers: [] }), protocol: "websocket" });
  return server;
}

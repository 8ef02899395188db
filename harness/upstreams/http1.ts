import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { bytesOf, headerOf, pairsOf, toWire } from "./wire.ts";
import { wait, type RecordedRequest, type Serve, type UpstreamAnswer } from "./upstream.ts";

/** The HTTP/1.1 part of an upstream, WebSocket upgrades included. It listens nowhere: connections are handed to it. */
export function http1Server(serve: Serve): Server {
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, insecureHTTPParser: true, maxHeaderSize: 4 * 1024 * 1024 });
  // Node takes 2,000 headers at most where it is not told otherwise, and drops the rest silently.
  server.maxHeadersCount = 0;
  server.on("request", (request, response) => {
    void collect(request)
      .then(async (body) => {
        const recorded = recordOf(request, body);
        await respond(response, await serve(recorded), recorded.method);
      })
      .catch(() => request.socket.destroy());
  });
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      // The client's first message makes the request whole.
      webSocket.once("message", (message: Buffer) => {
        void serve({ ...recordOf(request, message), protocol: "websocket" })
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
  return server;
}

/** Not `for await`, which costs a request without a body more than all the rest of it. */
function collect(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => resolve(Buffer.concat(chunks)));
    request.on("error", reject);
    request.on("close", () => reject(new Error("the request ended before its end")));
  });
}

function recordOf(request: IncomingMessage, body: Buffer): RecordedRequest {
  const headers = pairsOf(request.rawHeaders);
  return {
    protocol: "http/1.1",
    method: request.method ?? "",
    authority: headerOf(headers, "host") ?? "",
    path: Buffer.from(request.url ?? "", "latin1").toString("utf8"),
    headers: headers.filter(([name]) => name.toLowerCase() !== "host"),
    body,
    trailers: pairsOf(request.rawTrailers),
  };
}

/** Sends what is scripted and `content-length` (chunked before trailers and resets), nothing of Node's own. */
async function respond(response: ServerResponse, answer: UpstreamAnswer, method: string): Promise<void> {
  await wait(answer.delay);
  if (answer.reset === "before-headers") {
    response.socket?.resetAndDestroy();
    return;
  }
  const body = bytesOf(answer.body);
  const status = answer.status ?? 200;
  const flat = (answer.headers ?? []).flatMap(([name, value]) => [name, toWire(value)]);
  const streamed = answer.reset !== undefined || (answer.trailers?.length ?? 0) > 0;
  const bodiless = status < 200 || status === 204 || status === 304;
  if (!streamed && !bodiless && headerOf(answer.headers ?? [], "content-length") === undefined) {
    flat.push("content-length", String(body.length));
  }
  response.sendDate = false;
  response.removeHeader("connection");
  response.writeHead(status, flat);
  if (answer.reset !== undefined) {
    // Something has to follow the headers, or both could be lost with the connection.
    response.write(body.length > 0 ? body : "partial");
    await wait(20);
    response.socket?.destroy();
    return;
  }
  if (streamed) response.addTrailers((answer.trailers ?? []).map(([name, value]): [string, string] => [name, toWire(value)]));
  // Of an empty piece Node would make a second write.
  response.end(method === "HEAD" || bodiless || body.length === 0 ? undefined : body);
}

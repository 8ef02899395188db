import { once } from "node:events";
import { createServer as createHttp1 } from "node:http";
import { createServer as createHttp2, constants } from "node:http2";
import type { AddressInfo } from "node:net";

/** What came to a path so far, as text; of a stream that goes on too. */
export type Received = ReadonlyMap<string, string>;

/** Takes what proxies tell of their requests: over HTTP/1.1 on `port`, by gRPC on `grpcPort`. */
export interface Collector extends AsyncDisposable {
  readonly port: number;
  readonly grpcPort: number;
  readonly received: Received;
  /** The headers of the last call, by path. */
  readonly headers: ReadonlyMap<string, Readonly<Record<string, string | string[] | undefined>>>;
}

export async function startCollector(): Promise<Collector> {
  const received = new Map<string, string>();
  const headersOf = new Map<string, Readonly<Record<string, string | string[] | undefined>>>();
  const add = (path: string, bytes: Buffer) => received.set(path, (received.get(path) ?? "") + bytes.toString("latin1"));
  const http1 = createHttp1((request, response) => {
    const path = request.url ?? "";
    headersOf.set(path, request.headers);
    request.on("data", (bytes: Buffer) => add(path, bytes));
    request.on("end", () => response.end());
  });
  const http2 = createHttp2();
  http2.on("stream", (stream, headers) => {
    const path = String(headers[constants.HTTP2_HEADER_PATH] ?? "");
    headersOf.set(path, headers);
    add(path, Buffer.alloc(0));
    stream.on("error", () => undefined);
    stream.on("data", (bytes: Buffer) => add(path, bytes));
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.on("end", () => stream.end(Buffer.alloc(5)));
  });
  for (const server of [http1, http2]) await once(server.listen(0, "127.0.0.1"), "listening");
  const portOf = (server: typeof http1 | typeof http2): number => (server.address() as AddressInfo).port;
  return {
    port: portOf(http1),
    grpcPort: portOf(http2),
    received,
    headers: headersOf,
    [Symbol.asyncDispose]() {
      http1.closeAllConnections();
      for (const server of [http1, http2]) server.close();
      return Promise.resolve();
    },
  };
}

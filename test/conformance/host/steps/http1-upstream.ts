import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { HeaderList } from "../../../../harness/target/index.ts";
import { pairsOf } from "./http-client.ts";
import type { StepUpstream, UpstreamStream } from "./http-upstream.ts";
import { shownBody, shownHeaders, type Progress, type Side } from "./step.ts";

/** As {@link StepUpstream} of HTTP/2, over HTTP/1.1. */
export async function startHttp1Upstream(): Promise<StepUpstream> {
  const streams = new Map<string, Http1Exchange>();
  const server = createServer((request, response) => {
    streams.set(String(request.headers["x-stream"]), new Http1Exchange(request, response));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    stream: (number) => streams.get(number),
    // It has nothing to ask.
    settled: () => Promise.resolve(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

class Http1Exchange implements UpstreamStream {
  private readonly request: IncomingMessage;
  private readonly response: ServerResponse;
  private readonly chunks: Buffer[] = [];
  private progress: Progress = "open";

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
    request.on("data", (chunk: Buffer) => this.chunks.push(chunk));
    request.on("end", () => (this.progress = "whole"));
    request.on("error", () => undefined);
    response.on("error", () => undefined);
  }

  answer(headers: HeaderList, end: boolean): void {
    const status = Number(headers.find(([name]) => name === ":status")?.[1]);
    const plain = headers.filter(([name]) => !name.startsWith(":"));
    // Without a length Node ends an answer of which nothing follows by an empty chunk.
    this.response.writeHead(status, [...plain, ...(end ? [["content-length", "0"]] : [])].flat());
    if (end) this.response.end();
    else this.response.flushHeaders();
  }

  data(data: string): void {
    if (!this.response.destroyed) this.response.write(data, "latin1");
  }

  metadata(): void {
    throw new Error("HTTP/1.1 has no METADATA");
  }

  end(trailers: HeaderList = []): void {
    this.response.addTrailers(Object.fromEntries(trailers));
    if (!this.response.destroyed) this.response.end();
  }

  stopReading(): void {
    this.request.pause();
  }

  readOn(): void {
    this.request.resume();
  }

  view(): Side {
    const headers = pairsOf(this.request.rawHeaders);
    return {
      path: this.request.url ?? "",
      headers: shownHeaders(headers),
      body: shownBody(Buffer.concat(this.chunks).toString("latin1")),
      trailers: pairsOf(this.request.rawTrailers),
      progress: this.progress,
    };
  }
}

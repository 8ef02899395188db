import { once } from "node:events";
import { createServer, type Http2Session, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { createServer as createSocketServer, type AddressInfo, type Server, type Socket } from "node:net";
import { HeaderBlockSubstitution } from "../../../../harness/envoy/client/http2-frames.ts";
import type { HeaderList } from "../../../../harness/target/index.ts";
import { pairsOf, ping } from "./http-client.ts";
import { shownBody, shownHeaders, type Progress, type Side } from "./step.ts";

/** A server whose requests are answered step by step, told apart by `x-stream`. */
export interface StepUpstream extends AsyncDisposable {
  readonly port: number;
  /** The request of that number; `undefined` until its headers came. */
  stream(number: string): UpstreamStream | undefined;
  /** As that of a client. */
  settled(): Promise<void>;
}

/** The server's side of a request. */
export interface UpstreamStream {
  answer(headers: HeaderList, end: boolean): void;
  data(data: string): void;
  metadata(entries: HeaderList): void;
  end(trailers?: HeaderList): void;
  stopReading(): void;
  readOn(): void;
  view(): Side;
}

/** One of HTTP/2. @param options.metadata Whether it takes and gives METADATA. Default: false. */
export async function startStepUpstream({ metadata = false } = {}): Promise<StepUpstream> {
  const streams = new Map<string, Http2Exchange>();
  const sessions = new Set<ServerHttp2Session>();
  const wires = new WeakMap<Http2Session, HeaderBlockSubstitution>();
  let wireOfNext: HeaderBlockSubstitution | undefined;
  const server = createServer();
  server.on("session", (session) => {
    sessions.add(session);
    if (wireOfNext !== undefined) wires.set(session, wireOfNext);
    session.on("error", () => undefined);
    session.on("close", () => sessions.delete(session));
  });
  server.on("stream", (stream, _headers, _flags, raw: readonly string[]) => {
    const list = pairsOf(raw);
    streams.set(
      list.find(([name]) => name === "x-stream")?.[1] ?? "",
      new Http2Exchange(stream, list, stream.session && wires.get(stream.session)),
    );
  });
  const wired = (socket: Socket) => {
    wireOfNext = new HeaderBlockSubstitution(socket, "server");
    server.emit("connection", wireOfNext);
    wireOfNext = undefined;
  };
  const listening: Server = metadata ? createSocketServer(wired) : server;
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  return {
    port: (listening.address() as AddressInfo).port,
    stream: (number) => streams.get(number),
    settled: async () => void (await Promise.all([...sessions].map(ping))),
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) session.destroy();
      listening.close();
    },
  };
}

class Http2Exchange implements UpstreamStream {
  private readonly stream: ServerHttp2Stream;
  private readonly headers: HeaderList;
  private readonly chunks: Buffer[] = [];
  private trailerList: HeaderList = [];
  private last: HeaderList = [];
  private progress: Progress = "open";

  private readonly wire: HeaderBlockSubstitution | undefined;

  constructor(stream: ServerHttp2Stream, headers: HeaderList, wire?: HeaderBlockSubstitution) {
    this.stream = stream;
    this.wire = wire;
    this.headers = headers;
    stream.on("data", (chunk: Buffer) => this.chunks.push(chunk));
    stream.on("trailers", (_trailers, _flags, raw: readonly string[]) => (this.trailerList = pairsOf(raw)));
    stream.on("error", () => undefined);
    stream.on("end", () => {
      if (this.progress === "open" && !stream.aborted) this.progress = "whole";
    });
    stream.on("wantTrailers", () => stream.sendTrailers(Object.fromEntries(this.last)));
  }

  private get open(): boolean {
    return !this.stream.destroyed && !this.stream.closed;
  }

  answer(headers: HeaderList, end: boolean): void {
    if (this.open) this.stream.respond(Object.fromEntries(headers), { endStream: end, waitForTrailers: !end });
  }

  data(data: string): void {
    if (this.open) this.stream.write(data, "latin1");
  }

  metadata(entries: HeaderList): void {
    if (this.open) this.wire?.sendMetadata(this.stream.id ?? 0, entries);
  }

  end(trailers: HeaderList = []): void {
    this.last = trailers;
    if (this.open) this.stream.end();
  }

  stopReading(): void {
    this.stream.pause();
  }

  readOn(): void {
    this.stream.resume();
  }

  view(): Side {
    const metadata = this.wire?.metadataReceived(this.stream.id ?? 0) ?? 0;
    return {
      path: this.headers.find(([name]) => name === ":path")?.[1] ?? "",
      headers: shownHeaders(this.headers),
      body: shownBody(Buffer.concat(this.chunks).toString("latin1")),
      trailers: this.trailerList,
      ...(metadata > 0 && { metadata }),
      progress: this.progress,
    };
  }
}

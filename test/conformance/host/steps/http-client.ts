import { request as http1Request, type ClientRequest, type IncomingMessage } from "node:http";
import { connect as connectSocket } from "node:net";
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type Http2Session } from "node:http2";
import { HeaderBlockSubstitution } from "../../../../harness/envoy/client/http2-frames.ts";
import type { HeaderList } from "../../../../harness/target/index.ts";
import { requestHeaders, shownBody, shownHeaders, type Progress, type RequestOptions, type RequestView } from "./step.ts";

/** A client's side of a request, done step by step. */
export interface ClientStream {
  send(data: string): void;
  finish(): void;
  trailers(trailers: HeaderList): void;
  metadata(entries: HeaderList): void;
  leave(): void;
  stopReading(): void;
  readOn(): void;
  /** `undefined` until headers came, or the end. */
  view(): NonNullable<RequestView["client"]> | undefined;
}

type Address = { readonly host: string; readonly port: number };

/** A client whose HTTP/2 requests share a connection: what it sends comes in order. Those of HTTP/1.1 have one each. */
export class StepClient implements Disposable {
  private readonly address: Address;
  private session: ClientHttp2Session | undefined;
  private wire: HeaderBlockSubstitution | undefined;
  private readonly takesMetadata: boolean;

  constructor(address: Address, takesMetadata = false) {
    this.address = address;
    this.takesMetadata = takesMetadata;
  }

  open(script: string | undefined, number: number, options: RequestOptions): ClientStream {
    const headers = requestHeaders(script, number, options);
    if (options.protocol === "http/1.1") return new Http1Stream(this.address, headers, options);
    if (this.session === undefined || this.session.destroyed || this.session.closed) {
      const { host, port } = this.address;
      const wire = this.takesMetadata ? new HeaderBlockSubstitution(connectSocket(port, host)) : undefined;
      this.wire = wire;
      this.session = connect(`http://${host}:${port}`, wire && { createConnection: () => wire });
      this.session.on("error", () => undefined);
    }
    return new Http2Stream(this.session, this.wire, headers, options);
  }

  /** Resolves when Envoy has read all that was sent, and all that it had written is here. */
  settled(): Promise<void> {
    return this.session === undefined ? Promise.resolve() : ping(this.session);
  }

  [Symbol.dispose](): void {
    this.session?.destroy();
  }
}

/** A PING there and back (RFC 9113, section 6.7); frames of one connection come in order. */
export function ping(session: Http2Session): Promise<void> {
  return new Promise((resolve) => {
    if (session.destroyed || session.closed) return resolve();
    session.once("close", resolve);
    const done = () => {
      session.off("close", resolve);
      resolve();
    };
    if (session.connecting) session.once("connect", () => session.ping(done));
    else if (!session.ping(done)) resolve();
  });
}

abstract class Received {
  protected headers: HeaderList | undefined;
  protected trailerList: HeaderList = [];
  protected progress: Progress = "open";
  private readonly chunks: Buffer[] = [];

  protected receive(chunk: Buffer): void {
    this.chunks.push(chunk);
  }

  view(): NonNullable<RequestView["client"]> | undefined {
    const { headers, progress } = this;
    if (headers === undefined) return progress === "open" ? undefined : { progress };
    return {
      status: Number(headers.find(([name]) => name === ":status")?.[1]),
      headers: shownHeaders(headers),
      body: shownBody(Buffer.concat(this.chunks).toString("latin1")),
      trailers: this.trailerList,
      ...(this.metadataReceived() > 0 && { metadata: this.metadataReceived() }),
      progress,
    };
  }

  protected metadataReceived(): number {
    return 0;
  }
}

class Http2Stream extends Received implements ClientStream {
  private readonly stream: ClientHttp2Stream;
  private last: HeaderList = [];

  private readonly wire: HeaderBlockSubstitution | undefined;

  constructor(session: ClientHttp2Session, wire: HeaderBlockSubstitution | undefined, headers: HeaderList, { end = true }: RequestOptions) {
    super();
    this.wire = wire;
    this.stream = session.request(Object.fromEntries(headers), { endStream: end, waitForTrailers: !end });
    this.stream.on("wantTrailers", () => this.stream.sendTrailers(Object.fromEntries(this.last)));
    this.stream.on("response", (_headers, _flags, raw: readonly string[]) => (this.headers = pairsOf(raw)));
    this.stream.on("trailers", (_trailers, _flags, raw: readonly string[]) => (this.trailerList = pairsOf(raw)));
    this.stream.on("data", (chunk: Buffer) => this.receive(chunk));
    this.stream.on("error", () => undefined);
    let ended = false;
    this.stream.on("end", () => {
      // A server that has answered in full resets the rest of the request with NO_ERROR (RFC 9113, section 8.1).
      ended = !this.stream.aborted || this.stream.rstCode === constants.NGHTTP2_NO_ERROR;
      if (ended && this.headers !== undefined && this.progress === "open") this.progress = "whole";
    });
    this.stream.on("close", () => {
      if (!ended || this.headers === undefined) this.progress = "reset";
    });
  }

  send(data: string): void {
    if (!this.stream.destroyed) this.stream.write(data, "latin1");
  }

  finish(): void {
    if (!this.stream.destroyed) this.stream.end();
  }

  trailers(trailers: HeaderList): void {
    this.last = trailers;
    this.finish();
  }

  metadata(entries: HeaderList): void {
    if (!this.stream.destroyed) this.wire?.sendMetadata(this.stream.id ?? 0, entries);
  }

  protected override metadataReceived(): number {
    return this.wire?.metadataReceived(this.stream.id ?? 0) ?? 0;
  }

  stopReading(): void {
    this.stream.pause();
  }

  readOn(): void {
    this.stream.resume();
  }

  leave(): void {
    this.stream.close(constants.NGHTTP2_CANCEL);
    if (this.progress === "open") this.progress = "reset";
  }
}

class Http1Stream extends Received implements ClientStream {
  private readonly request: ClientRequest;
  private response: IncomingMessage | undefined;

  constructor({ host, port }: Address, headers: HeaderList, { end = true }: RequestOptions) {
    super();
    const of = (name: string) => headers.find(([key]) => key === name)?.[1] ?? "";
    this.request = http1Request({
      host,
      port,
      agent: false,
      method: of(":method"),
      path: of(":path"),
      headers: {
        host: of(":authority"),
        ...Object.fromEntries(headers.filter(([name]) => !name.startsWith(":"))),
        ...(end ? {} : { "transfer-encoding": "chunked" }),
      },
    });
    this.request.on("error", () => this.cut());
    this.request.on("close", () => this.cut());
    this.request.on("response", (response) => this.take(response));
    if (end) this.request.end();
    else this.request.flushHeaders();
  }

  stopReading(): void {
    this.response?.pause();
  }

  readOn(): void {
    this.response?.resume();
  }

  private take(response: IncomingMessage): void {
    this.response = response;
    const raw = response.rawHeaders;
    this.headers = [[":status", String(response.statusCode)], ...pairsOf(raw)];
    response.on("data", (chunk: Buffer) => this.receive(chunk));
    response.on("error", () => this.cut());
    response.on("end", () => {
      if (!response.complete) return this.cut();
      this.trailerList = pairsOf(response.rawTrailers);
      this.progress = "whole";
      this.request.destroy();
    });
  }

  private cut(): void {
    if (this.progress === "open") this.progress = "reset";
  }

  send(data: string): void {
    if (!this.request.destroyed) this.request.write(data, "latin1");
  }

  finish(): void {
    if (!this.request.destroyed) this.request.end();
  }

  trailers(trailers: HeaderList): void {
    this.request.addTrailers(Object.fromEntries(trailers));
    this.finish();
  }

  metadata(): void {
    throw new Error("HTTP/1.1 has no METADATA");
  }

  leave(): void {
    this.request.destroy();
    this.cut();
  }
}

export function pairsOf(raw: readonly string[]): HeaderList {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), raw[at + 1] ?? ""] as const] : []));
}

import type { HeaderList } from "../target/index.ts";
import { ByteBuffer } from "./byte-buffer.ts";
import { HostError } from "./errors.ts";
import type { FilterChain } from "./filter-chain.ts";
import { HeaderMap } from "./header-map.ts";
import { FilterManager, type Downstream } from "./http/filter-manager.ts";
import { requestInlet, responseInlet, type Flow, type Inlet } from "./http/inlet.ts";
import { Outlet } from "./http/outlet.ts";
import { TestUpstream } from "./http/test-upstream.ts";
import type { HostLogLine } from "./logs.ts";
import { StreamInfo, type ConnectionInfo } from "./stream-info.ts";

export interface StreamOptions {
  /** The client's connection. Default: 127.0.0.1:50000 to 127.0.0.1:10000, plain text. */
  readonly connection?: Partial<ConnectionInfo>;
  /** Dynamic metadata by namespace, as a native filter before the first one would have set it. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Default: `HTTP/1.1`. Of a TCP connection: none. */
  readonly protocol?: string;
  /** What the upstream speaks. Default: what the client does. */
  readonly upstreamProtocol?: string;
  /** Of a TCP connection: the cluster that it is proxied to. Default: none that properties show. */
  readonly cluster?: string;
}

export interface RequestOptions extends StreamOptions {
  /** Default: GET. */
  readonly method?: string;
  /** Default: http. */
  readonly scheme?: string;
  /** Default: localhost. */
  readonly authority?: string;
  readonly path: string;
  readonly headers?: HeaderList;
  readonly body?: string | Uint8Array;
  readonly trailers?: HeaderList;
}

export interface ResponseOptions {
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: HeaderList;
  readonly body?: string | Uint8Array;
  readonly trailers?: HeaderList;
}

/**
 * - `open`: nothing was sent yet.
 * - `paused`: a filter holds the request back.
 * - `forwarded`: the upstream has the request's headers; no response yet.
 * - `responding`: the client has the response's headers.
 * - `responded`: the client has the whole response.
 * - `reset`: the stream ended without one.
 */
export type StreamState = "open" | "paused" | "forwarded" | "responding" | "responded" | "reset";

/** One HTTP request through a chain: the test is the client on one side and the upstream on the other. */
export class HttpStream implements Downstream {
  readonly info: StreamInfo;
  private readonly chain: FilterChain;
  private readonly manager: FilterManager;
  private readonly upstream = new TestUpstream();
  private opened = false;
  /** What the client sent, and how much had been logged before. */
  private sent: { readonly headers: HeaderList; readonly written: number } | undefined;
  private clientHeaders: HeaderMap | undefined;
  private clientTrailers: HeaderMap | undefined;
  private readonly clientMetadata: HeaderMap[] = [];
  private readonly clientBody = new ByteBuffer();
  private readonly inlets: Readonly<Record<"request" | "response", Inlet>>;
  private readonly outlets: Readonly<Record<"client" | "upstream", Outlet>>;
  private outcome: "responded" | "reset" | undefined;

  /** @internal Use `FilterChain.openStream` or `request`. */
  constructor(chain: FilterChain, options: StreamOptions) {
    this.chain = chain;
    this.info = streamInfo(chain, options);
    const limit = chain.bufferLimitOf(this.info.protocol);
    this.outlets = {
      client: new Outlet(this.clientBody, limit, () => this.inlets.response),
      upstream: new Outlet(this.upstream.body, limit, () => this.inlets.request),
    };
    this.upstream.outlet = this.outlets.upstream;
    this.manager = new FilterManager([...chain.createFilters(), this.upstream], this.info, this, limit);
    this.inlets = {
      request: requestInlet(this.manager, this, this.info.protocol),
      response: responseInlet(this.manager, this, options.upstreamProtocol ?? this.info.protocol),
    };
  }

  // --- The client's side --------------------------------------------------------------------------------------------------------

  /** Sends the request's headers, pseudo-headers among them. `endStream`: nothing follows. Default: true. */
  sendHeaders(headers: HeaderList | HeaderMap, endStream = true): void {
    const map = headers instanceof HeaderMap ? headers : HeaderMap.from("request", headers);
    this.opened = true;
    this.sent ??= { headers: map.toList(), written: this.chain.host.logs.written };
    this.run(() => this.manager.decodeHeaders(undefined, map, endStream));
  }

  sendData(data: string | Uint8Array, endStream = true): void {
    this.requireOpened("sendData");
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    this.info.bytesReceived += bytes.length;
    this.run(() => this.inlets.request.data(ByteBuffer.of(bytes), endStream));
  }

  sendTrailers(trailers: HeaderList): void {
    this.requireOpened("sendTrailers");
    this.run(() => this.inlets.request.trailers(HeaderMap.from("request-trailers", trailers)));
  }

  /** Sends a METADATA of HTTP/2: names are unique in it. Envoy takes it where `http2_protocol_options.allow_metadata` is set. */
  sendMetadata(entries: HeaderList): void {
    this.requireOpened("sendMetadata");
    this.run(() => this.manager.decodeMetadata(undefined, HeaderMap.from("metadata", entries)));
  }

  /** The client goes away: `on_log`, `on_done`, `on_delete` come at once. */
  disconnect(): void {
    if (this.outcome !== undefined) return;
    this.info.clientGone();
    this.run(() => {
      this.manager.reset(this.info.responseCodeDetails ?? "");
      // Of HTTP/1.1 the filters' stream may be over before the client has read all.
      this.finish("reset");
    });
  }

  // --- The upstream's side ------------------------------------------------------------------------------------------------------

  /** Answers the request with a whole response. */
  respond(response: ResponseOptions = {}): void {
    const hasBody = response.body !== undefined && response.body.length > 0;
    this.respondHeaders(
      [[":status", String(response.status ?? 200)], ...(response.headers ?? [])],
      !hasBody && response.trailers === undefined,
    );
    if (hasBody) this.respondData(response.body ?? "", response.trailers === undefined);
    if (response.trailers !== undefined) this.respondTrailers(response.trailers);
  }

  /** @throws HostError `misuse` where the upstream has no request to answer: a filter holds it back or answered it. */
  respondHeaders(headers: HeaderList | HeaderMap, endStream = true): void {
    if (this.upstream.headers === undefined)
      throw new HostError("misuse", `the upstream got no request to answer: the stream is ${this.state}`);
    const map = headers instanceof HeaderMap ? headers : HeaderMap.from("response", headers);
    this.info.responseCode = Number(map.get(":status"));
    this.info.responseCodeDetails = "via_upstream";
    this.run(() => this.manager.encodeHeaders(undefined, map, endStream));
  }

  respondData(data: string | Uint8Array, endStream = true): void {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    this.run(() => this.inlets.response.data(ByteBuffer.of(bytes), endStream));
  }

  respondTrailers(trailers: HeaderList): void {
    this.run(() => this.inlets.response.trailers(HeaderMap.from("response-trailers", trailers)));
  }

  /** As {@link sendMetadata}, of the upstream. */
  respondMetadata(entries: HeaderList): void {
    this.run(() => this.manager.encodeMetadata(undefined, HeaderMap.from("metadata", entries)));
  }

  // --- Backpressure -------------------------------------------------------------------------------------------------------------

  /**
   * The client, or the upstream, reads no more of the body that goes to it. What its window of HTTP/2 does not take waits in Envoy; when more waits than may be
   * buffered, Envoy reads no more of the other side, and the filters see no more of it.
   */
  stopReading(side: "client" | "upstream"): void {
    this.outlets[side].stop();
  }

  /** It reads on. */
  readOn(side: "client" | "upstream"): void {
    this.run(() => this.outlets[side].start());
  }

  // --- What became of it ----------------------------------------------------------------------------------------------------------

  get state(): StreamState {
    if (this.outcome !== undefined) return this.outcome;
    if (this.clientHeaders !== undefined) return "responding";
    if (this.upstream.headers !== undefined) return "forwarded";
    return this.opened ? "paused" : "open";
  }

  /** Envoy's `%RESPONSE_CODE_DETAILS%`. */
  get details(): string | undefined {
    return this.info.responseCodeDetails;
  }

  /** The request as the upstream sees it; `undefined` until it has the headers. */
  get request():
    | { readonly headers: HeaderList; readonly body: Uint8Array; readonly trailers: HeaderList | undefined; readonly complete: boolean }
    | undefined {
    const { headers, body, trailers, complete } = this.upstream;
    return headers && { headers: headers.toList(), body: body.bytes(), trailers: trailers?.toList(), complete };
  }

  /** The METADATA that reached the upstream, one list for each. */
  get requestMetadata(): readonly HeaderList[] {
    return this.upstream.metadata.map((metadata) => metadata.toList());
  }

  /** The METADATA that reached the client. */
  get responseMetadata(): readonly HeaderList[] {
    return this.clientMetadata.map((metadata) => metadata.toList());
  }

  /** A header's first value as the upstream sees it. */
  requestHeader(name: string): string | undefined {
    return this.upstream.headers?.get(name);
  }

  /** The response as the client sees it; `undefined` until it has the headers. `status` is what stands in `:status`. */
  get response():
    | { readonly status: number; readonly headers: HeaderList; readonly body: Uint8Array; readonly trailers: HeaderList | undefined }
    | undefined {
    const headers = this.clientHeaders;
    return (
      headers && {
        status: Number(headers.get(":status")),
        headers: headers.toList(),
        body: this.clientBody.bytes(),
        trailers: this.clientTrailers?.toList(),
      }
    );
  }

  responseHeader(name: string): string | undefined {
    return this.clientHeaders?.get(name);
  }

  /** What a person wants to see where the stream is not as expected: headers as the client sent them, and what filters logged since, of other streams too. */
  get evidence(): { readonly headers: HeaderList; readonly logs: readonly HostLogLine[] } | undefined {
    if (this.sent === undefined) return undefined;
    const { headers, written } = this.sent;
    return { headers, logs: this.chain.host.logs.since(written).filter(({ source }) => source === "filter") };
  }

  /** Lets time pass, as {@link Host.advance} does. */
  advance(milliseconds: number): void {
    this.chain.host.advance(milliseconds);
  }

  // --- Downstream, called by the filter manager ---------------------------------------------------------------------------------

  /** @internal */
  encodeHeaders(headers: HeaderMap): void {
    this.clientHeaders = headers;
    this.info.responseCode = Number(headers.get(":status"));
  }

  /** @internal */
  encodeData(data: ByteBuffer): void {
    this.info.bytesSent += data.length;
    this.outlets.client.write(data);
  }

  /** @internal */
  encodeTrailers(trailers: HeaderMap): void {
    this.clientTrailers = trailers;
  }

  /** @internal */
  encodeMetadata(metadata: HeaderMap): void {
    this.clientMetadata.push(metadata);
  }

  /** @internal */
  complete(): void {
    // A stream of HTTP/2 ends when the client's window has taken all of it, one of HTTP/1.1 when all of it waits for the connection.
    if (this.info.protocol !== "HTTP/2") this.end();
    this.outlets.client.whenWritten(() => this.finish("responded"));
  }

  /** @internal */
  reset(): void {
    this.finish("reset");
  }

  /** @internal There is no route table here; chains with routes run in the in-process target. */
  clearRouteCache(): void {}

  /** @internal */
  post(task: () => void): void {
    this.chain.worker.dispatcher.post(() => this.run(task));
  }

  /** @internal */
  requestSource(): Flow {
    return this.inlets.request;
  }

  /** @internal */
  responseSource(): Flow {
    return this.inlets.response;
  }

  private finish(outcome: "responded" | "reset"): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    // The codec of HTTP/2 tells of the end of a stream when it has written what the event loop's turn brought.
    this.end(outcome === "responded" && this.info.protocol === "HTTP/2");
  }

  private end(inNextTurn = false): void {
    this.info.duration ??= this.chain.host.clock.monotonic() - this.info.startMonotonic;
    if (inNextTurn) this.chain.worker.dispatcher.post(() => this.manager.destroy(true));
    else this.manager.destroy(true);
  }

  private requireOpened(call: string): void {
    if (!this.opened) throw new HostError("misuse", `${call} before sendHeaders`);
  }

  private run(step: () => void): void {
    const { dispatcher } = this.chain.worker;
    dispatcher.enter();
    try {
      step();
    } finally {
      dispatcher.leave();
    }
  }
}

/** The facts of a new stream. */
export function streamInfo(chain: FilterChain, options: StreamOptions): StreamInfo {
  const { host } = chain;
  const { connection } = options;
  const info = new StreamInfo(
    connection === undefined
      ? { ...DEFAULT_CONNECTION, id: host.connectionId() }
      : { ...DEFAULT_CONNECTION, id: host.connectionId(), ...connection },
    host.clock.now(),
    host.clock.monotonic(),
  );
  if (options.protocol !== undefined) info.protocol = options.protocol;
  if (options.metadata !== undefined) Object.assign(info.dynamicMetadata, options.metadata);
  return info;
}

const DEFAULT_CONNECTION = { sourceAddress: "127.0.0.1:50000", destinationAddress: "127.0.0.1:10000", mtls: false, certificate: {} };

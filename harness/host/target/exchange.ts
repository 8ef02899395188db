import { ByteBuffer } from "../byte-buffer.ts";
import type { Timer } from "../clock.ts";
import type { FilterChain } from "../filter-chain.ts";
import { HeaderMap } from "../header-map.ts";
import { streamInfo } from "../http-stream.ts";
import { FilterManager, type Downstream } from "../http/filter-manager.ts";
import { GrpcStats } from "../http/grpc-stats.ts";
import { requestInlet, type Flow, type Inlet } from "../http/inlet.ts";
import { localReply } from "../http/local-reply.ts";
import type { StreamInfo } from "../stream-info.ts";
import { reportedHeaders, type ExchangeRequest, type ExchangeResult, type Protocol, type RouteSpec } from "../../target/index.ts";
import {
  bodyBytes,
  bodyParts,
  CLIENT_CLOSE,
  frameLength,
  frameMessage,
  frameWebSocket,
  toBody,
  unframeMessages,
  unframeWebSocket,
} from "../../target/body.ts";
import {
  CONNECTION_MANAGER,
  DEFAULT_DESTINATION,
  DEFAULT_SOURCE,
  SERVER_PRINCIPAL,
  SHORTEST_DELAY,
  VIRTUAL_HOST,
} from "../../target/defaults.ts";
import { overTls } from "../../target/transport.ts";
import { codecHeaders, isUpgrade, mutateRequestHeaders, refusal } from "./request-headers.ts";
import { Router } from "./router.ts";
import type { RouteTable } from "./routes.ts";
import { UpstreamScript } from "./upstream-script.ts";

/** Milliseconds. */
const STREAM_IDLE_TIMEOUT = Number.parseFloat(CONNECTION_MANAGER.stream_idle_timeout) * 1000;

/** One request through Envoy's HTTP connection manager, the chain and the router: what `Target.send` reports. */
export class Exchange implements Downstream {
  done = false;
  private readonly request: ExchangeRequest;
  private readonly protocol: Protocol;
  private readonly routes: RouteTable;
  private readonly chain: FilterChain;
  private readonly info: StreamInfo;
  private readonly router: Router;
  private readonly manager: FilterManager;
  private readonly inlet: Inlet;
  private cachedRoute: { readonly route: RouteSpec | undefined } | undefined;
  private requestHeaders: HeaderMap | undefined;
  private responseHeaders: HeaderMap | undefined;
  private readonly responseBody = new ByteBuffer();
  private responseTrailers: HeaderMap | undefined;
  private wasReset = false;
  /** Whether the client of a WebSocket has its message, and closes. */
  private closes = false;
  private idleTimer: Timer | undefined;

  constructor(chain: FilterChain, upstreamChain: FilterChain, routes: RouteTable, request: ExchangeRequest, grpcStats: boolean) {
    this.chain = chain;
    this.routes = routes;
    this.request = request;
    this.protocol = request.protocol ?? "http/1.1";
    const principal = request.source?.principal;
    this.info = streamInfo(chain, {
      connection: {
        sourceAddress: request.source?.address ?? DEFAULT_SOURCE,
        destinationAddress: destinationOf(request),
        mtls: principal !== undefined,
        ...(request.sni !== undefined && { requestedServerName: request.sni }),
        certificate: {
          ...(overTls(request) && { uri_san_local_certificate: SERVER_PRINCIPAL }),
          ...(principal !== undefined && { uri_san_peer_certificate: principal }),
        },
      },
      ...(request.metadata && { metadata: request.metadata }),
      protocol: this.protocol === "h2" || this.protocol === "grpc" ? "HTTP/2" : "HTTP/1.1",
    });
    const script = new UpstreamScript(this.protocol, request.response ?? {}, request.reset);
    this.router = new Router(
      routes,
      upstreamChain,
      script,
      () => this.route(),
      () => this.disconnect(),
    );
    const filters = [...(grpcStats ? [new GrpcStats(this.info)] : []), ...chain.createFilters(), this.router];
    this.manager = new FilterManager(filters, this.info, this, chain.bufferLimitOf(this.info.protocol));
    this.inlet = requestInlet(this.manager, this, this.info.protocol);
    this.router.attach(this.manager, this.inlet);
  }

  /** Sends the whole request. Afterwards {@link done} tells whether it is over, or time must pass first. */
  send(): void {
    const whole = this.pieces();
    const pieces = bodyParts(whole, this.protocol);
    const streamed = this.request.chunks !== undefined || (this.request.trailers?.length ?? 0) > 0;
    const length = streamed ? undefined : (whole[0]?.length ?? 0);
    const headers = codecHeaders(this.request, pieces.length > 0, length);
    const refused = refusal(this.request, headers);
    if (refused !== undefined) {
      this.refuse(refused);
      return;
    }
    mutateRequestHeaders(headers, this.info.connection.sourceAddress, overTls(this.request));
    this.requestHeaders = headers;
    this.route();
    if (isUpgrade(headers) && headers.get("upgrade")?.toLowerCase() !== "websocket") {
      this.refuse({ status: 403, details: "upgrade_failed", body: "" });
      return;
    }
    this.restartIdleTimer();
    const endless = this.request.reset === "in-request";
    const trailers = endless ? undefined : this.request.trailers;
    // Of a tunnel the end is not in sight.
    const tunnels = this.protocol === "websocket" || headers.get(":method") === "CONNECT";
    this.manager.decodeHeaders(undefined, headers, pieces.length === 0 && trailers === undefined && !tunnels && !endless);
    if (this.protocol === "websocket") {
      // The codec of HTTP/1.1 reports that the message is over that asked for the upgrade; what follows waits for the answer.
      if (!this.done) this.inlet.data(new ByteBuffer(), false);
      return;
    }
    // Node ends a stream of HTTP/2 in the last frame of what it is given at once; of several pieces in a frame of its own. The codec of HTTP/1.1 tells of the end apart.
    const overHttp2 = this.protocol === "h2" || this.protocol === "grpc";
    const endsWithBody = overHttp2 && whole.length < 2 && trailers === undefined && !endless;
    for (const [index, piece] of pieces.entries()) {
      if (this.done) return;
      this.info.bytesReceived += piece.length;
      const last = index === pieces.length - 1 && endsWithBody;
      this.inlet.data(ByteBuffer.of(piece), last);
    }
    if (endless) return this.post(() => this.disconnect());
    if (pieces.length > 0 && trailers === undefined && !endsWithBody && !this.done) {
      this.inlet.data(new ByteBuffer(), true);
    }
    if (trailers !== undefined && !this.done) this.inlet.trailers(HeaderMap.from("request-trailers", trailers));
  }

  private pieces(): Uint8Array[] {
    const { chunks, body } = this.request;
    if (chunks !== undefined) return chunks.map(bodyBytes).filter((piece) => piece.length > 0);
    const bytes = bodyBytes(body);
    if (this.protocol === "grpc") return [frameMessage(bytes)];
    return bytes.length === 0 ? [] : [bytes];
  }

  /** Envoy answers itself, and no filter sees the request; the filters' access log does. */
  private refuse({ status, details, body }: { readonly status: number; readonly details: string; readonly body: string }): void {
    const reply = localReply({ status, details, body: Buffer.from(body), headers: [], grpcStatus: undefined }, undefined);
    this.info.responseCodeDetails = details;
    if (/^http[12]\./.test(details)) this.info.responseFlags.add("DPE");
    this.encodeHeaders(reply.headers);
    if (reply.body !== undefined) this.encodeData(reply.body);
    this.complete();
  }

  // --- Routes -------------------------------------------------------------------------------------------------------------------

  /** The route: matched once, then again after the cache was cleared. Properties show the one that was matched last. */
  private route(): RouteSpec | undefined {
    if (this.cachedRoute !== undefined) return this.cachedRoute.route;
    const { requestHeaders } = this;
    const route = requestHeaders && this.routes.match(requestHeaders);
    this.cachedRoute = { route };
    const cluster = route === undefined || requestHeaders === undefined ? "" : this.routes.clusterName(route, requestHeaders);
    this.info.cluster = this.routes.hasCluster(cluster) ? cluster : undefined;
    this.info.clusterMetadata = this.routes.clusterMetadata(cluster);
    this.info.route = route && { name: route.name ?? "", cluster, metadata: {}, virtualHostName: VIRTUAL_HOST, virtualHostMetadata: {} };
    return route;
  }

  /** The properties stay those of the old route until a native filter asks: the router, or the upstream chain behind it. */
  clearRouteCache(): void {
    this.cachedRoute = undefined;
  }

  // --- Downstream ---------------------------------------------------------------------------------------------------------------

  encodeHeaders(headers: HeaderMap): void {
    if (this.requestHeaders === undefined || !isUpgrade(this.requestHeaders) || !isUpgrade(headers)) {
      headers.remove("connection");
      headers.remove("upgrade");
    }
    headers.remove("transfer-encoding");
    if (!headers.has("date")) headers.add("date", new Date(Number(this.chain.host.clock.now() / 1_000_000n)).toUTCString());
    headers.assign("server", "envoy");
    this.responseHeaders = headers;
    this.info.responseCode = Number(headers.get(":status"));
    this.restartIdleTimer();
    if (this.isTunnel) this.tell(frameWebSocket(bodyBytes(this.request.body), true));
  }

  encodeData(data: ByteBuffer): void {
    this.info.bytesSent += data.length;
    this.responseBody.move(data);
    // The client waits for one message, then it closes.
    if (this.isTunnel && !this.closes && frameLength(this.responseBody.bytes()) !== undefined) {
      this.closes = true;
      this.tell(CLIENT_CLOSE);
    }
  }

  private get isTunnel(): boolean {
    return this.protocol === "websocket" && this.responseHeaders?.get(":status") === "101";
  }

  /** What the client of a WebSocket sends when something has come. */
  private tell(bytes: Uint8Array): void {
    this.post(() => {
      if (this.done) return;
      this.info.bytesReceived += bytes.length;
      this.inlet.data(ByteBuffer.of(bytes), false);
    });
  }

  encodeTrailers(trailers: HeaderMap): void {
    this.responseTrailers = trailers;
  }

  post(task: () => void): void {
    this.chain.worker.dispatcher.post(task);
  }

  requestSource(): Flow {
    return this.inlet;
  }

  responseSource(): Flow | undefined {
    return this.router.attempt?.responseSource();
  }

  private disconnect(): void {
    if (this.done) return;
    this.info.clientGone();
    this.manager.reset(this.info.responseCodeDetails ?? "");
  }

  reset(): void {
    this.wasReset = true;
    this.finish();
  }

  complete(): void {
    this.finish();
  }

  private finish(): void {
    if (this.done) return;
    this.done = true;
    this.idleTimer?.cancel();
    this.info.duration = this.chain.host.clock.monotonic() - this.info.startMonotonic;
    this.manager.destroy(true);
  }

  /** A stream on which nothing moves: 504, or 408 where the request is not complete; after the headers went out, a reset. */
  private restartIdleTimer(): void {
    this.idleTimer?.cancel();
    this.idleTimer = this.chain.worker.schedule(STREAM_IDLE_TIMEOUT, () => {
      if (this.done) return;
      this.info.responseFlags.add("SI");
      if (this.responseHeaders !== undefined) {
        this.manager.reset("stream_idle_timeout");
        return;
      }
      const status = this.manager.requestComplete ? 504 : 408;
      this.manager.sendLocalReply({
        status,
        details: "stream_idle_timeout",
        body: Buffer.from("stream timeout"),
        headers: [],
        grpcStatus: undefined,
      });
    });
  }

  // --- Result -------------------------------------------------------------------------------------------------------------------

  result(): Omit<ExchangeResult, "decisions"> {
    const { info, responseHeaders, request } = this;
    const forwarded = this.router.upstreamAnswered && !this.manager.localReplySent;
    // How a tunnel ends that has done its work is not part of the exchange.
    const wasReset = this.wasReset && !this.closes;
    const outcome = wasReset || responseHeaders === undefined ? "reset" : forwarded ? "forward" : "respond";
    const delay =
      Number(
        (this.router.reachedAt ?? (this.manager.localReplySent ? info.startMonotonic + (info.duration ?? 0n) : info.startMonotonic)) -
          info.startMonotonic,
      ) / 1e9;
    const seen = this.upstreamRequest();
    return {
      ...(request.id !== undefined && { id: request.id }),
      outcome,
      status: outcome === "reset" ? 0 : Number(responseHeaders?.get(":status")),
      details: this.closes ? "via_upstream" : (info.responseCodeDetails ?? ""),
      ...(seen && { request: seen }),
      ...(outcome !== "reset" && responseHeaders && { response: this.clientResponse(responseHeaders) }),
      ...(info.route !== undefined && info.route.name !== "" && { route: info.route.name }),
      ...(info.cluster !== undefined && { cluster: info.cluster }),
      ...(delay >= SHORTEST_DELAY && { delay }),
    };
  }

  private upstreamRequest(): ExchangeResult["request"] {
    const { attempt } = this.router;
    const received = attempt?.received;
    const headers = received?.headers;
    // A request that was cut off is none that the upstream has seen: its servers answer, and record, whole ones.
    if (received === undefined || headers === undefined || !(received.complete || attempt?.greeted === true)) return undefined;
    const bytes = received.body.bytes();
    const body = this.protocol === "grpc" ? unframeMessages(bytes) : this.protocol === "websocket" ? unframeWebSocket(bytes) : bytes;
    return {
      method: headers.get(":method") ?? "",
      authority: headers.get(":authority") ?? "",
      path: headers.get(":path") ?? "",
      headers: reportedHeaders(headers.toList()),
      ...(body.length > 0 && { body: toBody(body) }),
      ...(received.trailers !== undefined && received.trailers.size > 0 && { trailers: reportedHeaders(received.trailers.toList()) }),
    };
  }

  private clientResponse(headers: HeaderMap): NonNullable<ExchangeResult["response"]> {
    const status = Number(headers.get(":status"));
    const bytes = this.responseBody.bytes();
    const body = this.protocol === "grpc" ? unframeMessages(bytes) : status === 101 ? unframeWebSocket(bytes) : bytes;
    const { responseTrailers } = this;
    return {
      status,
      headers: reportedHeaders(headers.toList()),
      body: toBody(body),
      ...(responseTrailers !== undefined && responseTrailers.size > 0 && { trailers: reportedHeaders(responseTrailers.toList()) }),
    };
  }
}

function destinationOf({ destination }: ExchangeRequest): string {
  return `${destination?.address ?? DEFAULT_DESTINATION.address}:${destination?.port ?? DEFAULT_DESTINATION.port}`;
}

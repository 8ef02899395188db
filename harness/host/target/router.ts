import { type ByteBuffer } from "../byte-buffer.ts";
import type { Timer } from "../clock.ts";
import type { LocalResponse } from "../context.ts";
import type { FilterChain } from "../filter-chain.ts";
import type { HeaderMap } from "../header-map.ts";
import type { DataStatus, FilterCallbacks, HeadersStatus, HttpFilter, TrailersStatus } from "../http/filter.ts";
import type { FilterManager } from "../http/filter-manager.ts";
import type { Flow } from "../http/inlet.ts";
import type { RouteSpec } from "../../target/index.ts";
import { RetryState, type AttemptEnd } from "./retries.ts";
import { routeTimeout, type RouteTable } from "./routes.ts";
import { type ResetReason, UpstreamRequest, type UpstreamEvents } from "./upstream-request.ts";
import type { UpstreamScript } from "./upstream-script.ts";

/** What Envoy answers, and its response flag. */
const RESET_REASONS: Readonly<Record<ResetReason, readonly [status: number, flag: string]>> = {
  "connection termination": [503, "UC"],
  "protocol error": [502, "UPE"],
};
const RESET_BODY = "upstream connect error or disconnect/reset before headers. ";

/** Envoy's router (source/common/router/router.cc), as far as routes of a `RouteSpec` and requests of its own headers need it. */
export class Router implements HttpFilter, UpstreamEvents {
  readonly name = "envoy.filters.http.router";
  /** When the request left the filters, nanoseconds of the monotonic clock. */
  reachedAt: bigint | undefined;
  /** The last attempt. */
  attempt: UpstreamRequest | undefined;
  upstreamAnswered = false;
  private readonly routes: RouteTable;
  private readonly upstreamChain: FilterChain;
  private readonly script: UpstreamScript;
  private readonly currentRoute: () => RouteSpec | undefined;
  readonly onClientGone: () => void;
  private manager: FilterManager | undefined;
  private source: Flow | undefined;
  private callbacks: FilterCallbacks | undefined;
  private headers: HeaderMap | undefined;
  /** As long as it may have to be sent again. */
  private body: Uint8Array[] = [];
  private bodySize = 0;
  private trailers: HeaderMap | undefined;
  private requestComplete = false;
  private completedAt: bigint | undefined;
  private retries: RetryState | undefined;
  private timeout = 0;
  private perTryTimeout = 0;
  private attempts = 0;
  private responseStarted = false;
  private timer: Timer | undefined;
  private perTryTimer: Timer | undefined;

  constructor(
    routes: RouteTable,
    upstreamChain: FilterChain,
    script: UpstreamScript,
    currentRoute: () => RouteSpec | undefined,
    onClientGone: () => void,
  ) {
    this.onClientGone = onClientGone;
    this.routes = routes;
    this.upstreamChain = upstreamChain;
    this.script = script;
    this.currentRoute = currentRoute;
  }

  /** The manager that it is the last filter of, where responses start, and whence its requests come. */
  attach(manager: FilterManager, source: Flow): void {
    this.manager = manager;
    this.source = source;
  }

  requestSource(): Flow | undefined {
    return this.source;
  }

  setCallbacks(decoder: FilterCallbacks): void {
    this.callbacks = decoder;
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): HeadersStatus {
    const { clock } = this.upstreamChain.host;
    this.reachedAt = clock.monotonic();
    const route = this.currentRoute();
    const info = this.callbacks?.streamInfo;
    if (route === undefined) {
      info?.responseFlags.add("NR");
      this.reply(404, "route_not_found");
      return "stop-iteration";
    }
    if (route.directResponse !== undefined) {
      this.replyDirectly(route.directResponse, headers);
      return "stop-iteration";
    }
    const cluster = this.routes.clusterName(route, headers);
    if (!this.routes.hasCluster(cluster)) {
      info?.responseFlags.add("NC");
      this.reply(503, "cluster_not_found");
      return "stop-iteration";
    }
    this.readTimeouts(headers, route);
    for (const name of route.requestHeadersToRemove ?? []) headers.remove(name.toLowerCase());
    this.retries = new RetryState(headers);
    this.headers = headers;
    const missing = missingHeader(headers);
    if (missing !== undefined) {
      info?.responseFlags.add("DPE");
      const reason = `missing required header: ${missing}`;
      this.reply(503, `filter_removed_required_request_headers{${reason}}`, reason);
      return "stop-iteration";
    }
    this.startAttempt();
    this.attempt?.sendHeaders(headers.copy(), endStream);
    if (endStream) this.onRequestComplete();
    return "stop-iteration";
  }

  /** `FilterUtility::finalTimeout`: what a filter asked for, else the route's; the upstream is told how long it has. */
  private readTimeouts(headers: HeaderMap, route: RouteSpec): void {
    this.timeout = takeNumber(headers, "x-envoy-upstream-rq-timeout-ms") ?? routeTimeout(route);
    this.perTryTimeout = takeNumber(headers, "x-envoy-upstream-rq-per-try-timeout-ms") ?? 0;
    if (this.perTryTimeout >= this.timeout && this.timeout !== 0) this.perTryTimeout = 0;
    this.tellTimeout(headers, 0);
  }

  /** `FilterUtility::setTimeoutHeaders`: for a retry only what is left of the request's time. */
  private tellTimeout(headers: HeaderMap, elapsed: number): void {
    const expected = this.perTryTimeout === 0 ? this.timeout : this.perTryTimeout;
    if (expected === 0) return;
    const left = this.timeout === 0 ? expected : Math.max(1, this.timeout - elapsed);
    headers.assign("x-envoy-expected-rq-timeout-ms", String(Math.min(expected, left)));
  }

  decodeData(data: ByteBuffer, endStream: boolean): DataStatus {
    const bytes = data.bytes();
    data.clear();
    this.keepForRetries(bytes);
    this.attempt?.sendData(bytes, endStream);
    if (endStream) this.onRequestComplete();
    return "stop-no-buffer";
  }

  decodeTrailers(trailers: HeaderMap): TrailersStatus {
    this.trailers = trailers;
    this.attempt?.sendTrailers(trailers.copy());
    this.onRequestComplete();
    return "stop-iteration";
  }

  private onRequestComplete(): void {
    if (this.requestComplete || this.headers === undefined) return;
    this.requestComplete = true;
    this.completedAt = this.upstreamChain.host.clock.monotonic();
    if (this.timeout > 0 && !this.responseStarted) {
      this.timer = this.upstreamChain.worker.schedule(this.timeout, () => this.onTimeout("response_timeout"));
    }
    this.armPerTryTimer();
  }

  /** A body that is more than may be buffered is not sent again. */
  private keepForRetries(bytes: Uint8Array): void {
    this.bodySize += bytes.length;
    if (this.bodySize > (this.manager?.limit ?? 0)) this.retries = undefined;
    if (this.retries === undefined) this.body = [];
    else if (bytes.length > 0) this.body.push(bytes);
  }

  private startAttempt(): void {
    this.attempts++;
    const host = this.routes.nextHost(this.info.cluster ?? "");
    this.attempt = new UpstreamRequest(this.upstreamChain, this.info, host, this.attempts, this.script, this);
  }

  /** Milliseconds since the whole request was here. */
  private elapsed(): number {
    const now = this.upstreamChain.host.clock.monotonic();
    return Number((now - (this.completedAt ?? now)) / 1_000_000n);
  }

  private armPerTryTimer(): void {
    this.perTryTimer?.cancel();
    if (this.perTryTimeout === 0 || this.responseStarted) return;
    this.perTryTimer = this.upstreamChain.worker.schedule(this.perTryTimeout, () => {
      this.attempt?.cancel();
      if (!this.retry({ kind: "per-try-timeout" })) this.onTimeout("upstream_per_try_timeout");
    });
  }

  private onTimeout(details: string): void {
    if (this.responseStarted) return;
    this.attempt?.cancel();
    this.info.responseFlags.add("UT");
    this.reply(504, details, "upstream request timeout");
  }

  private retry(end: AttemptEnd): boolean {
    const { retries, headers } = this;
    if (retries === undefined || headers === undefined) return false;
    if (!retries.shouldRetry(end)) {
      if (retries.exhausted) this.info.responseFlags.add("URX");
      return false;
    }
    this.attempt?.cancel();
    const draw = new Uint8Array(1);
    this.upstreamChain.host.random.fill(draw);
    this.upstreamChain.worker.schedule(retries.backOff((draw[0] ?? 0) / 256), () => this.sendAgain(headers));
    return true;
  }

  private sendAgain(headers: HeaderMap): void {
    if (this.responseStarted || this.manager?.ended === true) return;
    this.startAttempt();
    const { attempt, trailers } = this;
    if (attempt === undefined) return;
    const body = Buffer.concat(this.body);
    this.tellTimeout(headers, this.elapsed());
    attempt.sendHeaders(headers.copy(), body.length === 0 && trailers === undefined);
    if (body.length > 0) attempt.sendData(body, trailers === undefined);
    if (trailers !== undefined) attempt.sendTrailers(trailers.copy());
    this.armPerTryTimer();
  }

  // --- What comes back ------------------------------------------------------------------------------------------------------------

  onUpstreamHeaders(headers: HeaderMap, endStream: boolean): void {
    if (this.retry({ kind: "response", headers })) return;
    this.responseStarted = true;
    this.upstreamAnswered = true;
    this.perTryTimer?.cancel();
    this.info.responseCode = Number(headers.get(":status"));
    this.info.responseCodeDetails = "via_upstream";
    headers.assign("x-envoy-upstream-service-time", String(this.elapsed()));
    for (const name of this.currentRoute()?.responseHeadersToRemove ?? []) headers.remove(name.toLowerCase());
    if (endStream) this.endAttempt();
    this.manager?.encodeHeaders(undefined, headers, endStream);
  }

  onUpstreamData(data: ByteBuffer, endStream: boolean): void {
    if (endStream) this.endAttempt();
    this.manager?.encodeData(undefined, data, endStream, "current");
  }

  onUpstreamTrailers(trailers: HeaderMap): void {
    this.endAttempt();
    this.manager?.encodeTrailers(undefined, trailers);
  }

  /** `Filter::onUpstreamComplete`: the filters of the attempt see its end before those of the request see that of the response. */
  private endAttempt(): void {
    this.timer?.cancel();
    this.attempt?.cancel();
  }

  onUpstreamReset(reason: ResetReason): void {
    if (this.responseStarted) {
      this.timer?.cancel();
      this.info.responseFlags.add(RESET_REASONS[reason][1]);
      this.info.responseCodeDetails = `upstream_reset_after_response_started{${reason.replace(" ", "_")}}`;
      this.manager?.reset(this.info.responseCodeDetails);
      return;
    }
    if (this.retry({ kind: "reset" })) return;
    const [status, flag] = RESET_REASONS[reason];
    this.info.responseFlags.add(flag);
    const again = this.attempts > 1 ? "retried and the latest reset reason: " : "reset reason: ";
    this.reply(status, `upstream_reset_before_response_started{${reason.replace(" ", "_")}}`, `${RESET_BODY}${again}${reason}`);
  }

  onUpstreamLocalReply(response: LocalResponse): void {
    this.attempt?.cancel();
    this.timer?.cancel();
    this.perTryTimer?.cancel();
    this.callbacks?.sendLocalReply(response);
  }

  private get info() {
    const { callbacks } = this;
    if (callbacks === undefined) throw new Error("the router runs as the last filter of a manager");
    return callbacks.streamInfo;
  }

  private reply(status: number, details: string, body = "", headers: LocalResponse["headers"] = []): void {
    this.timer?.cancel();
    this.perTryTimer?.cancel();
    this.callbacks?.sendLocalReply({ status, details, body: Buffer.from(body), headers, grpcStatus: undefined });
  }

  private replyDirectly(response: NonNullable<RouteSpec["directResponse"]>, request: HeaderMap): void {
    // Envoy names the place of what a 201 or a redirect answers, also in a direct response.
    const names = response.status === 201 || (response.status >= 300 && response.status < 400);
    const location = `${request.get("x-forwarded-proto") ?? "http"}://${request.get(":authority") ?? ""}${request.get(":path") ?? ""}`;
    this.reply(response.status, "direct_response", response.body, names ? [["location", location]] : []);
  }

  encodeHeaders(): HeadersStatus {
    return "continue";
  }

  encodeData(): DataStatus {
    return "continue";
  }

  encodeTrailers(): TrailersStatus {
    return "continue";
  }

  log(): void {}

  onDestroy(): void {
    this.timer?.cancel();
    this.perTryTimer?.cancel();
    this.attempt?.cancel();
  }
}

/** `HeaderUtility::checkRequiredRequestHeaders`; without a path there was no route. */
function missingHeader(headers: HeaderMap): string | undefined {
  if (!headers.has(":method")) return ":method";
  // One with a path is an upgrade.
  return headers.get(":method") === "CONNECT" && headers.has(":path") && !headers.has(":protocol") ? ":protocol" : undefined;
}

/** A header's number, taken out; `undefined` where there is none or it is no number. */
function takeNumber(headers: HeaderMap, name: string): number | undefined {
  const value = headers.get(name);
  headers.remove(name);
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}

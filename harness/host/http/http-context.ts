import { BufferType, DataStatus as Data, HeaderMapType, HeadersStatus as Headers, Status, StreamType } from "../abi/enums.ts";
import type { ByteBuffer } from "../byte-buffer.ts";
import type { CallbackName } from "../callbacks.ts";
import { Context, type LocalResponse } from "../context.ts";
import type { HeaderMap } from "../header-map.ts";
import type { StreamInfo } from "../stream-info.ts";
import type { DataStatus, FilterCallbacks, HeadersStatus, HttpFilter, TrailersStatus } from "./filter.ts";

/** The stream context of an HTTP filter: Envoy's `Context` as `StreamFilter` (source/extensions/common/wasm/context.cc). */
export class HttpContext extends Context implements HttpFilter {
  private decoder: FilterCallbacks | undefined;
  private encoder: FilterCallbacks | undefined;
  private requestHeaders: HeaderMap | undefined;
  private requestBody: ByteBuffer | undefined;
  private requestTrailers: HeaderMap | undefined;
  private responseHeaders: HeaderMap | undefined;
  private responseBody: ByteBuffer | undefined;
  private responseTrailers: HeaderMap | undefined;
  private loggedRequestHeaders: HeaderMap | undefined;
  private loggedResponseHeaders: HeaderMap | undefined;
  private loggedResponseTrailers: HeaderMap | undefined;
  private bufferingRequest = false;
  private bufferingResponse = false;
  private endOfStream = false;
  private failureSent = false;
  private destroyed = false;
  private closed = false;
  private inResponseTrailers = false;
  private localResponseInResponse = false;
  /** Whether `proxy_on_request_headers` has returned, and whether the request was told to go on before. */
  private handledHeaders = false;
  private wentOnEarly = false;
  /** While the context is created for the log alone. */
  private late = false;

  get name(): string {
    return this.plugin?.name ?? "";
  }

  override get streamInfo(): StreamInfo | undefined {
    return this.decoder?.streamInfo;
  }

  setCallbacks(decoder: FilterCallbacks, encoder: FilterCallbacks): void {
    this.decoder = decoder;
    this.encoder = encoder;
    this.root.liveStreams++;
  }

  // --- Request ------------------------------------------------------------------------------------------------------------------

  decodeHeaders(headers: HeaderMap, endStream: boolean): HeadersStatus {
    this.create();
    this.requestHeaders = headers;
    this.endOfStream = endStream;
    const status = this.onHeaders("proxy_on_request_headers", headers, endStream);
    if (status === "continue" && this.wentOnEarly && this.strict) {
      this.refuse(
        "would-corrupt-response",
        "continue_stream(0) of a request whose headers are not paused: Envoy sends it upstream twice. Leave the call out where on_request_headers returns Continue.",
      );
    }
    this.handledHeaders = true;
    if (status === "continue") this.requestHeaders = undefined;
    return status;
  }

  decodeData(data: ByteBuffer, endStream: boolean): DataStatus {
    if (!this.createdInVm) return "continue";
    if (this.bufferingRequest) {
      this.decoder?.addBuffered(data);
      if (this.destroyed) return "stop-and-buffer";
    }
    this.requestBody = data;
    this.endOfStream = endStream;
    const status = this.onBody("proxy_on_request_body", this.buffer(BufferType.HttpRequestBody)?.length ?? 0, endStream);
    this.bufferingRequest = status === "stop-and-buffer";
    if (status === "continue") this.requestBody = undefined;
    return status;
  }

  decodeTrailers(trailers: HeaderMap): TrailersStatus {
    if (!this.createdInVm) return "continue";
    this.requestTrailers = trailers;
    const status = this.onTrailers("proxy_on_request_trailers", trailers);
    if (status === "continue") this.requestTrailers = undefined;
    return status;
  }

  decodeMetadata(metadata: HeaderMap): void {
    if (this.createdInVm) this.onMetadata("proxy_on_request_metadata", metadata);
  }

  // --- Response -----------------------------------------------------------------------------------------------------------------

  encodeHeaders(headers: HeaderMap, endStream: boolean): HeadersStatus {
    if (!this.createdInVm || this.failureSent) return "continue";
    this.responseHeaders = headers;
    this.endOfStream = endStream;
    const status = this.onHeaders("proxy_on_response_headers", headers, endStream);
    if (status === "continue") this.responseHeaders = undefined;
    return status;
  }

  encodeData(data: ByteBuffer, endStream: boolean): DataStatus {
    if (!this.createdInVm || this.failureSent) return "continue";
    if (this.bufferingResponse) {
      this.encoder?.addBuffered(data);
      if (this.destroyed) return "stop-and-buffer";
    }
    this.responseBody = data;
    this.endOfStream = endStream;
    const status = this.onBody("proxy_on_response_body", this.buffer(BufferType.HttpResponseBody)?.length ?? 0, endStream);
    this.bufferingResponse = status === "stop-and-buffer";
    if (status === "continue") this.responseBody = undefined;
    return status;
  }

  encodeTrailers(trailers: HeaderMap): TrailersStatus {
    if (!this.createdInVm || this.failureSent) return "continue";
    this.responseTrailers = trailers;
    this.inResponseTrailers = true;
    const status = this.onTrailers("proxy_on_response_trailers", trailers);
    this.inResponseTrailers = false;
    if (status === "continue") this.responseTrailers = undefined;
    return status;
  }

  encodeMetadata(metadata: HeaderMap): void {
    if (this.createdInVm && !this.failureSent) this.onMetadata("proxy_on_response_metadata", metadata);
  }

  // --- End ------------------------------------------------------------------------------------------------------------------------

  log(requestHeaders: HeaderMap | undefined, responseHeaders: HeaderMap | undefined, responseTrailers: HeaderMap | undefined): void {
    // A filter that was never reached, as after a local reply of one before it, gets its context now.
    this.late = true;
    this.create();
    this.late = false;
    this.loggedRequestHeaders = requestHeaders;
    this.loggedResponseHeaders = responseHeaders;
    this.loggedResponseTrailers = responseTrailers;
    this.onLog();
    // What `on_done` and `on_delete` read is gone again.
    this.loggedRequestHeaders = undefined;
    this.loggedResponseHeaders = undefined;
    this.loggedResponseTrailers = undefined;
  }

  onDestroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    if (this.createdInVm) {
      this.onDone();
      this.onDelete();
    } else {
      this.vm.contexts.delete(this.id);
    }
    if (--this.root.liveStreams === 0) this.root.drained?.();
  }

  // --- Calls into the module ----------------------------------------------------------------------------------------------------

  private onHeaders(name: "proxy_on_request_headers" | "proxy_on_response_headers", headers: HeaderMap, endStream: boolean): HeadersStatus {
    if (this.failed) return this.failStream("stop-all-and-watermark");
    const callback = this.vm.callbacks[name];
    if (callback === undefined) return "continue";
    const result = this.vm.call(name, callback, this, this.id, headers.size, endStream ? 1 : 0);
    if (this.failed) return this.failStream("stop-all-and-watermark");
    const status = this.vm.stopIteration ? "stop-all-and-watermark" : this.toHeadersStatus(name, result);
    this.vm.endCall();
    return status;
  }

  private onBody(name: CallbackName, size: number, endStream: boolean): DataStatus {
    if (this.failed) return this.failStream("stop-no-buffer");
    const callback = this.vm.callbacks[name];
    if (callback === undefined) return "continue";
    const result = this.vm.call(name, callback, this, this.id, size, endStream ? 1 : 0);
    if (this.failed) return this.failStream("stop-no-buffer");
    const status = this.vm.stopIteration ? "stop-no-buffer" : toDataStatus(result);
    this.vm.endCall();
    return status;
  }

  private onTrailers(name: CallbackName, trailers: HeaderMap): TrailersStatus {
    if (this.failed) return this.failStream("stop-iteration");
    const callback = this.vm.callbacks[name];
    if (callback === undefined) return "continue";
    const result = this.vm.call(name, callback, this, this.id, trailers.size);
    if (this.failed) return this.failStream("stop-iteration");
    const status = !this.vm.stopIteration && result === 0 ? "continue" : "stop-iteration";
    this.vm.endCall();
    return status;
  }

  /** Of METADATA a module gets the number of entries; the ABI has no map of them, and what the callback returns stops nothing. */
  private onMetadata(name: "proxy_on_request_metadata" | "proxy_on_response_metadata", metadata: HeaderMap): void {
    if (this.failed) return void this.failStream(undefined);
    const callback = this.vm.callbacks[name];
    if (callback === undefined) return;
    this.vm.call(name, callback, this, this.id, metadata.size);
    if (this.failed) return void this.failStream(undefined);
    this.vm.endCall();
  }

  private toHeadersStatus(name: string, result: number): HeadersStatus {
    switch (result) {
      case Headers.Continue:
      case Headers.ContinueAndEndStream: // Envoy 1.40 knows no such action for wasm and continues.
        return "continue";
      case Headers.StopIteration:
        return this.plugin?.allowOnHeadersStopIteration === true ? "stop-iteration" : "stop-all-and-watermark";
      case Headers.StopAllIterationAndBuffer:
        return "stop-all-and-buffer";
      case Headers.StopAllIterationAndWatermark:
        return "stop-all-and-watermark";
      default:
        if (this.vm.worker.host.strict) {
          this.refuse(
            "would-corrupt-response",
            `${name} returned the unknown action ${result}: in Envoy the request hangs. Return 0 (Continue), 1 (StopIteration), 3 or 4.`,
          );
        }
        return "stop-all-and-watermark";
    }
  }

  /** The VM is dead: the request gets 503 once, whatever the failure policy; `wasm_fail_stream`. */
  private failStream<T>(status: T): T {
    if (!this.failureSent) {
      this.failureSent = true;
      this.decoder?.sendLocalReply({ status: 503, details: "wasm_fail_stream", body: new Uint8Array(0), headers: [], grpcStatus: 14 });
    }
    this.vm.endCall();
    return status;
  }

  // --- What hostcalls ask -------------------------------------------------------------------------------------------------------

  override get logsHeaders(): boolean {
    return this.phase === "log";
  }

  override readableMap(type: number): HeaderMap | undefined {
    const logging = this.phase === "log";
    switch (type) {
      case HeaderMapType.RequestHeaders:
        return logging ? this.loggedRequestHeaders : this.requestHeaders;
      case HeaderMapType.RequestTrailers:
        return logging ? undefined : this.requestTrailers;
      case HeaderMapType.ResponseHeaders:
        return logging ? this.loggedResponseHeaders : this.responseHeaders;
      case HeaderMapType.ResponseTrailers:
        return logging ? this.loggedResponseTrailers : this.responseTrailers;
      default:
        return super.readableMap(type);
    }
  }

  override writableMap(type: number): HeaderMap | undefined {
    switch (type) {
      case HeaderMapType.RequestHeaders:
        return this.requestHeaders;
      case HeaderMapType.RequestTrailers:
        if (this.requestTrailers === undefined && this.requestBody !== undefined && this.endOfStream) {
          this.requestTrailers = this.decoder?.addTrailers();
        }
        return this.requestTrailers;
      case HeaderMapType.ResponseHeaders:
        return this.responseHeaders;
      case HeaderMapType.ResponseTrailers:
        if (this.responseTrailers === undefined && this.responseBody !== undefined && this.endOfStream) {
          this.responseTrailers = this.encoder?.addTrailers();
        }
        return this.responseTrailers;
      default:
        return undefined;
    }
  }

  /** Headers that properties such as `request.path` read: those of the callback, in `on_log` those of the log. */
  get activationRequestHeaders(): HeaderMap | undefined {
    return this.requestHeaders ?? this.loggedRequestHeaders;
  }

  get activationResponseHeaders(): HeaderMap | undefined {
    return this.responseHeaders ?? this.loggedResponseHeaders;
  }

  get activationResponseTrailers(): HeaderMap | undefined {
    return this.responseTrailers ?? this.loggedResponseTrailers;
  }

  override onHeadersModified(type: number): void {
    // Modules of ABI 0.1.0 ask for it themselves, with proxy_clear_route_cache.
    if (type === HeaderMapType.RequestHeaders && this.vm.config.module.abi !== "0.1.0") this.clearRouteCache();
  }

  override clearRouteCache(): void {
    this.decoder?.clearRouteCache();
  }

  protected override findBuffer(type: number): ByteBuffer | Uint8Array | undefined {
    if (type === BufferType.HttpRequestBody)
      return (this.bufferingRequest ? this.decoder?.buffered() : this.requestBody) ?? new Uint8Array(0);
    if (type === BufferType.HttpResponseBody)
      return (this.bufferingResponse ? this.encoder?.buffered() : this.responseBody) ?? new Uint8Array(0);
    return super.findBuffer(type);
  }

  override continueStream(type: number): number {
    const { decoder, encoder } = this;
    if (type === StreamType.Request) {
      if (decoder?.localReplySent === true && this.strict && !this.over) {
        this.refuse(
          "would-corrupt-response",
          "continue_stream(0) after a local response: in Envoy the client gets the local response and the request goes upstream as well.",
        );
      }
      this.wentOnEarly ||= !this.handledHeaders;
      if (decoder !== undefined)
        this.vm.after(() => {
          // What was buffered goes on, and what follows is no longer added to it.
          this.bufferingRequest = false;
          decoder.continueIteration();
        });
    } else if (type === StreamType.Response) {
      if (encoder?.responseStarted === false) {
        this.refuse(
          "would-crash-envoy",
          "continue_stream(1) before a response exists ends Envoy with SIGSEGV. Continue the response only from a response callback on.",
        );
      }
      // Nothing is left to go on with, and Envoy does nothing.
      if (this.over) return Status.Ok;
      if (encoder?.stopped === false && this.inResponseTrailers) {
        this.refuse(
          "would-crash-envoy",
          "continue_stream(1) in response trailers that are not paused: they go out twice. Return 0 instead.",
        );
      }
      if (encoder?.stopped === false && this.strict) {
        this.refuse(
          "would-corrupt-response",
          "continue_stream(1) of a response that this filter did not pause: Envoy sends corrupt chunks.",
        );
      }
      if (encoder !== undefined)
        this.vm.after(() => {
          this.bufferingResponse = false;
          encoder.continueIteration();
        });
    } else {
      return type === StreamType.Upstream ? Status.Unimplemented : Status.Ok;
    }
    this.requestHeaders = undefined;
    this.requestBody = undefined;
    this.requestTrailers = undefined;
    return Status.Ok;
  }

  override closeStream(type: number): number {
    const callbacks = type === StreamType.Request ? this.decoder : type === StreamType.Response ? this.encoder : undefined;
    if (callbacks === undefined) return Status.Ok;
    if (this.over) this.refuse("would-crash-envoy", `close_stream in ${this.place} ends Envoy with SIGSEGV: the stream is gone already.`);
    if (this.inResponseTrailers)
      this.refuse(
        "would-crash-envoy",
        "close_stream in response trailers: the codec goes on with a stream that is gone. Close it earlier.",
      );
    if (this.closed) this.refuse("would-crash-envoy", "close_stream twice ends Envoy with SIGSEGV: the stream is gone already.");
    this.closed = true;
    this.vm.after(() => callbacks.resetStream("wasm_close_stream"));
    return Status.Ok;
  }

  override sendLocalResponse(response: LocalResponse): number {
    const { decoder } = this;
    if (decoder === undefined) return Status.Ok;
    if (this.over)
      this.refuse("would-crash-envoy", `send_local_response in ${this.place} ends Envoy with SIGSEGV (it logs again). Answer earlier.`);
    if (this.localResponseInResponse)
      this.refuse("would-crash-envoy", "send_local_response twice in place of a response ends Envoy with SIGSEGV. Answer once.");
    this.localResponseInResponse = this.encoder?.responseStarted === true;
    if (this.strict) this.checkLocalResponse(response);
    this.vm.after(() => decoder.sendLocalReply(response));
    return Status.Ok;
  }

  private get place(): string {
    return this.late ? "on_context_create of a stream that is over" : `on_${this.phase}`;
  }

  /** In `on_log` and behind it, or where the context is made for it. */
  private get over(): boolean {
    return this.late || this.phase === "log" || this.phase === "done" || this.phase === "deleted";
  }

  private get strict(): boolean {
    return this.vm.worker.host.strict;
  }

  private checkLocalResponse({ status, body }: LocalResponse): void {
    if (status < 200 || status > 599)
      this.refuse("would-corrupt-response", `a local response with status ${status} is broken HTTP. Use 200 to 599.`);
    if (status === 204 && body.length > 0)
      this.refuse("would-corrupt-response", "a local response with status 204 and a body is broken HTTP. Leave the body out.");
  }
}

function toDataStatus(result: number): DataStatus {
  if (result === Data.Continue) return "continue";
  if (result === Data.StopIterationAndBuffer) return "stop-and-buffer";
  return result === Data.StopIterationAndWatermark ? "stop-and-watermark" : "stop-no-buffer";
}

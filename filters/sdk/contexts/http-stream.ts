import { Bytes } from "../../lib/bytes";
import { BodyAction, HeadersAction, StreamType, TrailersAction } from "../abi/enums";
import { proxy_close_stream, proxy_continue_stream, proxy_send_local_response } from "../abi/hostcalls";
import { HeaderMap } from "../hostcalls/header-map";
import { HeaderPairs } from "../hostcalls/header-pairs";
import { holdStream, endHold } from "./stateless";
import { Stream, StreamState } from "./stream";

const GRPC_RESOURCE_EXHAUSTED: i32 = 8;

/**
 * One HTTP request and its response. A filter overrides the callbacks it needs and exports them in its entry (`sdk/exports/…`); a callback
 * that is not exported costs nothing and is not called.
 */
export abstract class HttpStream extends Stream {
  /** The stream that runs this one as one of several filters in its context; `null` for a filter on its own. */
  composite: HttpStream | null = null;

  onRequestHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    return HeadersAction.Continue;
  }

  /**
   * `size`: bytes now in `requestBody`. A request that is paused stays so: with `allow_on_headers_stop_iteration` its body comes all the same, and
   * `Continue` would let it go on.
   */
  onRequestBody(size: i32, endOfStream: bool): BodyAction {
    return this.state & StreamState.RequestPaused ? BodyAction.StopIterationAndBuffer : BodyAction.Continue;
  }

  onRequestTrailers(trailers: HeaderMap): TrailersAction {
    return this.state & StreamState.RequestPaused ? TrailersAction.StopIteration : TrailersAction.Continue;
  }

  onResponseHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    return HeadersAction.Continue;
  }

  /** `size`: bytes now in `responseBody`. */
  onResponseBody(size: i32, endOfStream: bool): BodyAction {
    return this.state & StreamState.ResponsePaused ? BodyAction.StopIterationAndBuffer : BodyAction.Continue;
  }

  onResponseTrailers(trailers: HeaderMap): TrailersAction {
    return this.state & StreamState.ResponsePaused ? TrailersAction.StopIteration : TrailersAction.Continue;
  }

  /** HTTP/2 METADATA frames; Envoy must allow them. */
  onRequestMetadata(elements: u32): void {}

  onResponseMetadata(elements: u32): void {}

  /**
   * Answers in the upstream's place. `details` becomes `%RESPONSE_CODE_DETAILS%` (spaces as `_`), in words of the filter's own, never the
   * client's. A gRPC request gets `grpcStatus` in trailers instead, with `body` as its message; -1 lets Envoy choose by `status`, but 429
   * becomes 8 here (Envoy's choice would be 14). Returns what a headers callback then answers.
   *
   * Nothing is sent, because Envoy would crash or answer twice, where a local response was sent before or the stream has ended.
   * `status` must be 200 to 599, else 500 is sent; 204 and 304 go without their body.
   */
  sendLocalResponse(
    status: u32,
    details: Bytes,
    body: Bytes | null = null,
    headers: HeaderPairs | null = null,
    grpcStatus: i32 = -1,
  ): HeadersAction {
    if (this.state & (StreamState.LocalResponseSent | StreamState.Ended | StreamState.Closed)) return HeadersAction.StopIteration;
    this.state |= StreamState.LocalResponseSent;
    this.cancelTimer();
    const composite = this.composite;
    if (composite != null) return composite.sendLocalResponse(status, details, body, headers, grpcStatus);
    const code = status >= 200 && status <= 599 ? status : 500;
    let content: Bytes | null = body;
    if (code == 204 || code == 304) content = null;
    proxy_send_local_response(
      code,
      details.pointer,
      <usize>details.length,
      content != null ? content.pointer : 0,
      content != null ? <usize>content.length : 0,
      headers != null ? headers.pointer : 0,
      headers != null ? headers.size : 0,
      grpcStatus < 0 && code == 429 ? GRPC_RESOURCE_EXHAUSTED : grpcStatus,
    );
    return HeadersAction.StopIteration;
  }

  /**
   * For a callback of the request that is to answer `StopIteration`: the object that keeps what is known of this stream while it is held back, and takes its
   * callbacks from now on. In a module with per-stream state that is this one; in one without, another, which must be given back: {@link HttpStream.endHold}; when its client leaves, it may serve
   * another stream before that, {@link Stream.reset} first. `null` where 65,536 are held already.
   */
  holdRequest(): HttpStream | null {
    if (!(this.state & StreamState.Shared)) return this;
    const own = holdStream(this);
    if (own == null) return null;
    own.state |= StreamState.RequestPaused;
    return changetype<HttpStream>(own);
  }

  /** Nothing need be known of this stream any more, because it goes on, was answered or has ended. The last that is done with this object. */
  endHold(): void {
    if (this.state & StreamState.Held) endHold(this);
  }

  /** Lets the paused request go on. `false`, and nothing happens, where it is not paused, was answered locally or has ended. */
  resumeRequest(): bool {
    // After a local response in a tick the client would get it *and* the request would go upstream.
    if (this.state & StreamState.LocalResponseSent || !this.takePause(StreamState.RequestPaused)) return false;
    const composite = this.composite;
    if (composite != null) return composite.onMemberResumedRequest(this);
    return proxy_continue_stream(StreamType.Request) == 0;
  }

  /** Lets the paused response go on. Without a pause Envoy would crash or corrupt the answer, so then it returns `false`. */
  resumeResponse(): bool {
    if (!this.takePause(StreamState.ResponsePaused)) return false;
    const composite = this.composite;
    if (composite != null) return composite.onMemberResumedResponse(this);
    return proxy_continue_stream(StreamType.Response) == 0;
  }

  /** A stream whose {@link composite} is this one lets its request go on: to the filters behind it, and then to the host. */
  onMemberResumedRequest(member: HttpStream): bool {
    return this.resumeRequest();
  }

  onMemberResumedResponse(member: HttpStream): bool {
    return this.resumeResponse();
  }

  private takePause(paused: StreamState): bool {
    if (!(this.state & paused) || this.state & (StreamState.Ended | StreamState.Closed)) return false;
    this.state &= ~paused;
    return true;
  }

  /**
   * For a callback that answers `StopIteration`: goes on after `milliseconds`, never earlier. A route's `timeout` does not run meanwhile;
   * Envoy's `stream_idle_timeout` does.
   */
  @inline
  resumeAfter(milliseconds: u32): bool {
    return this.callAfter(milliseconds);
  }

  onTimer(): void {
    if (!this.resumeRequest()) this.resumeResponse();
  }

  /** Resets the stream: the client sees no answer, or a broken one. Once; a second time would crash Envoy. */
  close(): bool {
    if (this.state & (StreamState.Closed | StreamState.Ended | StreamState.Shared)) return false;
    this.state |= StreamState.Closed;
    this.cancelTimer();
    const composite = this.composite;
    if (composite != null) return composite.close();
    return proxy_close_stream(StreamType.Request) == 0;
  }

  /** @internal Remembers whether a callback paused its direction. */
  @inline
  settle(action: u32, paused: StreamState): u32 {
    if (action == 0) this.state &= ~paused;
    else this.state |= paused;
    return action;
  }
}

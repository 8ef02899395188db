import {
  BodyAction,
  HeadersAction,
  HttpStream,
  requestHeaders,
  requestTrailers,
  responseHeaders,
  responseTrailers,
  TrailersAction,
} from "../sdk";
import { StreamState } from "../sdk/contexts/stream";

/**
 * How far a request, or a response, has come through the filters of a stream: each sees the headers, then the body, then the trailers, in the order
 * of Envoy's filter manager, and nothing of what one before it holds back.
 */
@final
export class Passage {
  /** How many filters take part, and how many of these have seen what there is. */
  length: i32 = 0;
  private headersReached: i32 = 0;
  private bodyReached: i32 = 0;
  private trailersReached: i32 = 0;
  private endOfHeaders: bool = false;
  private hasBody: bool = false;
  private bodySize: i32 = 0;
  private endOfBody: bool = false;
  private hasTrailers: bool = false;

  /** `members`: the filters in the order of the configuration; a response goes through them from the last to the first. */
  constructor(
    private readonly members: StaticArray<HttpStream>,
    private readonly isResponse: bool,
  ) {}

  /** Begins a message that `length` filters see. */
  begin(length: i32): void {
    this.length = length;
    this.headersReached = 0;
    this.bodyReached = 0;
    this.trailersReached = 0;
    this.hasBody = false;
    this.hasTrailers = false;
  }

  /** How many filters have seen the headers: those that a local response comes by. */
  get reached(): i32 {
    return this.headersReached;
  }

  headers(endOfStream: bool): HeadersAction {
    this.endOfHeaders = endOfStream;
    return this.passHeaders();
  }

  body(size: i32, endOfStream: bool): BodyAction {
    this.hasBody = true;
    this.bodySize = size;
    this.endOfBody = endOfStream;
    this.bodyReached = 0;
    return this.passBody();
  }

  trailers(): TrailersAction {
    this.hasTrailers = true;
    return this.passTrailers();
  }

  /** Goes on behind the filter that paused. Returns whether everything came through. */
  resume(): bool {
    if (this.passHeaders() != HeadersAction.Continue) return false;
    if (this.hasBody && this.passBody() != BodyAction.Continue) return false;
    return !this.hasTrailers || this.passTrailers() == TrailersAction.Continue;
  }

  private passHeaders(): HeadersAction {
    while (this.headersReached < this.length) {
      const member = this.member(this.headersReached++);
      const action = this.isResponse
        ? member.settle(member.onResponseHeaders(responseHeaders, this.endOfHeaders), StreamState.ResponsePaused)
        : member.settle(member.onRequestHeaders(requestHeaders, this.endOfHeaders), StreamState.RequestPaused);
      if (action != HeadersAction.Continue) return action;
    }
    return HeadersAction.Continue;
  }

  private passBody(): BodyAction {
    while (true) {
      while (this.bodyReached < this.headersReached) {
        const member = this.member(this.bodyReached++);
        const action = this.isResponse
          ? member.settle(member.onResponseBody(this.bodySize, this.endOfBody), StreamState.ResponsePaused)
          : member.settle(member.onRequestBody(this.bodySize, this.endOfBody), StreamState.RequestPaused);
        if (action != BodyAction.Continue) return action;
      }
      if (this.headersReached == this.length) return BodyAction.Continue;
      // The filter that held the headers let them go by answering Continue to the body (`allow_on_headers_stop_iteration`).
      if (this.passHeaders() != HeadersAction.Continue) return BodyAction.StopIterationAndBuffer;
    }
  }

  private passTrailers(): TrailersAction {
    while (true) {
      while (this.trailersReached < this.headersReached) {
        const member = this.member(this.trailersReached++);
        const action = this.isResponse
          ? member.settle(member.onResponseTrailers(responseTrailers), StreamState.ResponsePaused)
          : member.settle(member.onRequestTrailers(requestTrailers), StreamState.RequestPaused);
        if (action != TrailersAction.Continue) return action;
      }
      if (this.headersReached == this.length) return TrailersAction.Continue;
      if (this.passHeaders() != HeadersAction.Continue) return TrailersAction.StopIteration;
      if (this.hasBody && this.passBody() != BodyAction.Continue) return TrailersAction.StopIteration;
    }
  }


  @inline
  private member(position: i32): HttpStream {
    return unchecked(this.members[this.isResponse ? this.length - 1 - position : position]);
  }
}

import { type ByteBuffer } from "../byte-buffer.ts";
import type { LocalResponse } from "../context.ts";
import { HeaderMap } from "../header-map.ts";
import type { StreamInfo } from "../stream-info.ts";
import { ActiveDecoderFilter, ActiveEncoderFilter, type IterationStart } from "./active-filter.ts";
import type { HttpFilter } from "./filter.ts";
import type { Flow } from "./inlet.ts";
import { localReply } from "./local-reply.ts";

/** Where a response goes that has passed all filters: the codec of the connection, or whoever stands for it. */
export interface Downstream {
  encodeHeaders(headers: HeaderMap, endStream: boolean): void;
  encodeData(data: ByteBuffer, endStream: boolean): void;
  encodeTrailers(trailers: HeaderMap): void;
  /** METADATA of HTTP/2; whoever has none drops it. */
  encodeMetadata?(metadata: HeaderMap): void;
  /** The stream ended without the end of a response. */
  reset(details: string): void;
  /** The response went out to its end. */
  complete(): void;
  clearRouteCache(): void;
  /** Runs `task` in the next turn of the event loop. */
  post(task: () => void): void;
  /** Who is to stop while the filters' buffer of a request's body is full: the client's codec; in an upstream chain the one of its request's client. */
  requestSource(): Flow | undefined;
  /** The same of a response's: the codec of the upstream, in front of the upstream chain. */
  responseSource(): Flow | undefined;
}

/** Envoy's `per_connection_buffer_limit_bytes`. */
export const DEFAULT_BUFFER_LIMIT = 1024 * 1024;
/** Envoy's `http2_protocol_options.initial_stream_window_size`: of HTTP/2 it is the limit. */
export const DEFAULT_STREAM_WINDOW = 16 * 1024 * 1024;

/**
 * Envoy's `FilterManager` (source/common/http/filter_manager.cc) for one stream: runs a request through the filters in order, the response
 * in reverse order, holds what filters stop, answers locally. The last filter is the terminal one: the router, or a test in its place.
 */
export class FilterManager {
  readonly streamInfo: StreamInfo;
  requestHeaders: HeaderMap | undefined;
  requestTrailers: HeaderMap | undefined;
  responseHeaders: HeaderMap | undefined;
  responseTrailers: HeaderMap | undefined;
  bufferedRequest: ByteBuffer | undefined;
  bufferedResponse: ByteBuffer | undefined;
  /** The client's, or the upstream's, last byte was seen. */
  requestComplete = false;
  responseComplete = false;
  /** The response left the last filter to its end, or the stream was reset. */
  ended = false;
  localReplySent = false;
  destroyed = false;
  private readonly downstream: Downstream;
  private readonly decoders: ActiveDecoderFilter[] = [];
  private readonly encoders: ActiveEncoderFilter[] = [];
  /** Bytes that may be buffered. */
  readonly limit: number;
  private readonly replyElsewhere: ((response: LocalResponse) => void) | undefined;
  private decoding = 0;
  private encoding = 0;
  private decodeAborted = false;
  private encodeAborted = false;
  private responseHeadersEncoded = false;
  private prepared: LocalResponse | undefined;
  /** Whether a buffer has passed its limit, and since then not come down to half of it. */
  private requestAbove = false;
  private responseAbove = false;

  /** @param replyElsewhere In an upstream chain: local replies of its filters are the downstream chain's to send. */
  constructor(
    filters: readonly HttpFilter[],
    streamInfo: StreamInfo,
    downstream: Downstream,
    limit = DEFAULT_BUFFER_LIMIT,
    replyElsewhere?: (response: LocalResponse) => void,
  ) {
    this.replyElsewhere = replyElsewhere;
    this.streamInfo = streamInfo;
    this.downstream = downstream;
    this.limit = limit;
    for (const [index, filter] of filters.entries()) {
      const decoder = new ActiveDecoderFilter(this, filter, index);
      const encoder = new ActiveEncoderFilter(this, filter, index);
      this.decoders.push(decoder);
      this.encoders.push(encoder);
      filter.setCallbacks(decoder, encoder);
    }
  }

  // --- Request ------------------------------------------------------------------------------------------------------------------

  /** `from` undefined: from the client, to the first filter. */
  decodeHeaders(from: ActiveDecoderFilter | undefined, headers: HeaderMap, endStream: boolean): void {
    if (from === undefined) {
      this.requestHeaders = headers;
      this.requestComplete = endStream;
    }
    let bodyAddedBy: ActiveDecoderFilter | undefined;
    for (let i = from === undefined ? 0 : from.index + 1; i < this.decoders.length; i++) {
      const active = this.decoders[i];
      if (active === undefined) break;
      active.endStream = endStream && bodyAddedBy === undefined;
      this.decoding++;
      let status = active.filter.decodeHeaders(headers, active.endStream);
      this.decoding--;
      if (this.ended) return;
      if (this.decodeAborted) {
        this.sendPrepared();
        status = "stop-iteration";
      }
      const goesOn = active.afterHeaders(status);
      if (!goesOn && i < this.decoders.length - 1) break;
      if (endStream && this.bufferedRequest !== undefined && bodyAddedBy === undefined) bodyAddedBy = active;
    }
    if (bodyAddedBy !== undefined && this.bufferedRequest !== undefined) this.decodeData(bodyAddedBy, this.bufferedRequest, true, "next");
  }

  decodeData(from: ActiveDecoderFilter | undefined, data: ByteBuffer, endStream: boolean, start: IterationStart): void {
    if (from === undefined && endStream) this.requestComplete = true;
    if (this.decodeAborted || this.ended) return;
    let trailersAddedBy: ActiveDecoderFilter | undefined;
    const hadTrailers = this.requestTrailers !== undefined;
    for (let i = from === undefined ? 0 : from.start(start); i < this.decoders.length; i++) {
      const active = this.decoders[i];
      if (active === undefined || active.holdData(data) || active.endStream) return;
      active.endStream = endStream && this.requestTrailers === undefined;
      this.decoding++;
      const status = active.filter.decodeData(data, active.endStream);
      this.decoding--;
      if (this.ended) return;
      if (this.decodeAborted) {
        this.sendPrepared();
        return;
      }
      if (!hadTrailers && this.requestTrailers !== undefined && trailersAddedBy === undefined) trailersAddedBy = active;
      if (!active.afterData(status, data) && i < this.decoders.length - 1) break;
    }
    if (trailersAddedBy !== undefined && this.requestTrailers !== undefined) this.decodeTrailers(trailersAddedBy, this.requestTrailers);
  }

  decodeTrailers(from: ActiveDecoderFilter | undefined, trailers: HeaderMap): void {
    if (from === undefined) {
      this.requestTrailers = trailers;
      this.requestComplete = true;
    }
    if (this.decodeAborted || this.ended) return;
    for (let i = from === undefined ? 0 : from.start("current"); i < this.decoders.length; i++) {
      const active = this.decoders[i];
      if (active === undefined || active.stoppedAll) return;
      this.decoding++;
      active.handlesTrailers = true;
      let status = active.filter.decodeTrailers(trailers);
      active.handlesTrailers = false;
      this.decoding--;
      active.endStream = true;
      if (this.decodeAborted) {
        this.sendPrepared();
        status = "stop-iteration";
      }
      if (!active.afterTrailers(status) && i < this.decoders.length - 1) return;
    }
  }

  decodeMetadata(from: ActiveDecoderFilter | undefined, metadata: HeaderMap): void {
    if (this.decodeAborted || this.ended) return;
    for (let i = from === undefined ? 0 : from.start("current"); i < this.decoders.length; i++) {
      const active = this.decoders[i];
      if (active === undefined || active.holdMetadata(metadata)) return;
      this.decoding++;
      active.filter.decodeMetadata?.(metadata);
      this.decoding--;
      if (this.ended) return;
      if (this.decodeAborted) return this.sendPrepared();
    }
  }

  addRequestTrailers(): HeaderMap {
    return (this.requestTrailers ??= new HeaderMap("request-trailers"));
  }

  /** Over the limit (`ActiveStreamDecoderFilter::requestDataTooLarge`) a filter that streams has no more read; else the request is answered. */
  checkRequestLimit(streaming: boolean): void {
    if (this.requestAbove || (this.bufferedRequest?.length ?? 0) <= this.limit) return;
    this.requestAbove = true;
    if (streaming) return this.downstream.requestSource()?.hold(this);
    const body = Buffer.from("Payload Too Large");
    this.sendLocalReply({ status: 413, details: "request_payload_too_large", body, headers: [], grpcStatus: undefined });
  }

  /** What was buffered went on: `requestDataDrained`. */
  requestDrained(): void {
    if (!this.requestAbove || (this.bufferedRequest?.length ?? 0) > this.limit / 2) return;
    this.requestAbove = false;
    this.downstream.requestSource()?.release(this);
  }

  // --- Response -----------------------------------------------------------------------------------------------------------------

  /** `from` undefined: from the terminal filter, or a local reply, to the first encoder filter. */
  encodeHeaders(from: ActiveEncoderFilter | undefined, headers: HeaderMap, endStream: boolean): void {
    if (from === undefined) {
      this.responseHeaders = headers;
      this.responseComplete = endStream;
    }
    let bodyAddedBy: ActiveEncoderFilter | undefined;
    for (let i = from === undefined ? this.encoders.length - 1 : from.index - 1; i >= 0; i--) {
      const active = this.encoders[i];
      if (active === undefined) break;
      active.endStream = endStream && bodyAddedBy === undefined;
      this.encoding++;
      let status = active.filter.encodeHeaders(headers, active.endStream);
      this.encoding--;
      if (this.ended) return;
      if (this.encodeAborted) {
        this.sendPrepared();
        status = "stop-iteration";
      }
      if (!active.afterHeaders(status)) {
        if (!endStream && bodyAddedBy !== undefined && this.bufferedResponse !== undefined)
          this.encodeData(bodyAddedBy, this.bufferedResponse, true, "next");
        return;
      }
      if (endStream && this.bufferedResponse !== undefined && bodyAddedBy === undefined) bodyAddedBy = active;
    }
    if (this.ended) return;
    // One that is no number is none (`HeaderUtility::checkRequiredResponseHeaders`).
    if (!/^\d+$/.test(headers.get(":status") ?? "")) {
      this.sendLocalReply({
        status: 502,
        details: "filter_removed_required_response_headers{missing required header: :status}",
        body: Buffer.from("missing required header: :status"),
        headers: [],
        grpcStatus: undefined,
      });
      return;
    }
    const ends = endStream && bodyAddedBy === undefined;
    this.responseHeadersEncoded = true;
    this.downstream.encodeHeaders(headers, ends);
    if (ends) this.end();
    else if (bodyAddedBy !== undefined && this.bufferedResponse !== undefined)
      this.encodeData(bodyAddedBy, this.bufferedResponse, true, "next");
  }

  encodeData(from: ActiveEncoderFilter | undefined, data: ByteBuffer, endStream: boolean, start: IterationStart): void {
    if (from === undefined && endStream) this.responseComplete = true;
    if (this.encodeAborted || this.ended) return;
    let trailersAddedBy: ActiveEncoderFilter | undefined;
    const hadTrailers = this.responseTrailers !== undefined;
    for (let i = from === undefined ? this.encoders.length - 1 : from.start(start); i >= 0; i--) {
      const active = this.encoders[i];
      if (active === undefined || active.holdData(data) || active.endStream) return;
      active.endStream = endStream && this.responseTrailers === undefined;
      this.encoding++;
      const status = active.filter.encodeData(data, active.endStream);
      this.encoding--;
      if (this.ended) return;
      if (this.encodeAborted) {
        this.sendPrepared();
        return;
      }
      if (!hadTrailers && this.responseTrailers !== undefined && trailersAddedBy === undefined) trailersAddedBy = active;
      if (!active.afterData(status, data)) return;
    }
    if (this.ended) return;
    const ends = endStream && trailersAddedBy === undefined;
    this.downstream.encodeData(data, ends);
    if (ends) this.end();
    if (trailersAddedBy !== undefined && this.responseTrailers !== undefined) this.encodeTrailers(trailersAddedBy, this.responseTrailers);
  }

  encodeTrailers(from: ActiveEncoderFilter | undefined, trailers: HeaderMap): void {
    if (from === undefined) {
      this.responseTrailers = trailers;
      this.responseComplete = true;
    }
    if (this.encodeAborted || this.ended) return;
    for (let i = from === undefined ? this.encoders.length - 1 : from.start("current"); i >= 0; i--) {
      const active = this.encoders[i];
      if (active === undefined || active.stoppedAll) return;
      this.encoding++;
      const status = active.filter.encodeTrailers(trailers);
      this.encoding--;
      active.endStream = true;
      if (this.encodeAborted) {
        this.sendPrepared();
        return;
      }
      if (!active.afterTrailers(status)) return;
    }
    if (this.ended) return;
    this.downstream.encodeTrailers(trailers);
    this.end();
  }

  encodeMetadata(from: ActiveEncoderFilter | undefined, metadata: HeaderMap): void {
    if (this.encodeAborted || this.ended) return;
    for (let i = from === undefined ? this.encoders.length - 1 : from.start("current"); i >= 0; i--) {
      const active = this.encoders[i];
      if (active === undefined || active.holdMetadata(metadata)) return;
      this.encoding++;
      active.filter.encodeMetadata?.(metadata);
      this.encoding--;
      // It goes out before the reset that a filter asked for.
      if (this.ended) break;
    }
    this.downstream.encodeMetadata?.(metadata);
  }

  addResponseTrailers(): HeaderMap {
    return (this.responseTrailers ??= new HeaderMap("response-trailers"));
  }

  checkResponseLimit(streaming: boolean): void {
    if (this.responseAbove || (this.bufferedResponse?.length ?? 0) <= this.limit) return;
    this.responseAbove = true;
    if (streaming) return this.downstream.responseSource()?.hold(this);
    const body = Buffer.from("Internal Server Error");
    this.sendLocalReply({ status: 500, details: "response_payload_too_large", body, headers: [], grpcStatus: undefined });
  }

  responseDrained(): void {
    if (!this.responseAbove || (this.bufferedResponse?.length ?? 0) > this.limit / 2) return;
    this.responseAbove = false;
    this.downstream.responseSource()?.release(this);
  }

  // --- Answers that no upstream gave --------------------------------------------------------------------------------------------

  /** Answers now, or after the callback that runs now. After the response's headers went out only a reset is left. */
  sendLocalReply(response: LocalResponse): void {
    if (this.ended) return;
    if (this.replyElsewhere !== undefined) {
      this.decodeAborted = true;
      this.encodeAborted = true;
      this.replyElsewhere(response);
      return;
    }
    if (this.decoding > 0) this.decodeAborted = true;
    if (this.encoding > 0) this.encodeAborted = true;
    this.streamInfo.responseCodeDetails = response.details.replace(/[ \t\n\v\f\r]/g, "_");
    if (this.responseHeaders === undefined) {
      // Of two answers in one callback the first is sent, with the details of the last.
      if (this.decoding + this.encoding > 0) this.prepared ??= response;
      else this.replyThroughFilters(response);
    } else if (!this.responseHeadersEncoded) {
      this.replyDirectly(response);
    } else {
      this.reset(this.streamInfo.responseCodeDetails);
    }
  }

  private sendPrepared(): void {
    const response = this.prepared;
    this.prepared = undefined;
    if (response !== undefined) this.replyThroughFilters(response);
  }

  private replyThroughFilters(response: LocalResponse): void {
    this.localReplySent = true;
    const { headers, body } = localReply(response, this.requestHeaders);
    this.streamInfo.responseCode = response.status;
    this.encodeHeaders(undefined, headers, body === undefined);
    if (body === undefined) return;
    if (!this.ended) this.encodeData(undefined, body, true, "current");
    // A filter put another answer in its place: its body still comes to the first filter on the way, and no further.
    else if (this.encodeAborted && !this.destroyed) this.encoders.at(-2)?.filter.encodeData(body, true);
  }

  /** A filter answers while response headers are still on their way through the chain: past all filters to the client. */
  private replyDirectly(response: LocalResponse): void {
    this.localReplySent = true;
    const { headers, body } = localReply(response, this.requestHeaders);
    this.responseHeaders = headers;
    this.responseHeadersEncoded = true;
    this.downstream.encodeHeaders(headers, body === undefined);
    if (body !== undefined) this.downstream.encodeData(body, true);
    this.end();
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    this.downstream.complete();
  }

  /** Ends the stream without a (whole) response. */
  reset(details: string): void {
    if (this.ended) return;
    this.streamInfo.responseCodeDetails ??= details;
    this.ended = true;
    this.downstream.reset(details);
  }

  clearRouteCache(): void {
    this.downstream.clearRouteCache();
  }

  /** Tells every filter that the stream is over: the access log first where there is one, then the end of the contexts. */
  destroy(log: boolean): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.ended = true;
    if (log) {
      for (const { filter } of this.decoders) filter.log(this.requestHeaders, this.responseHeaders, this.responseTrailers);
    }
    for (const { filter } of this.decoders) filter.onDestroy();
  }
}

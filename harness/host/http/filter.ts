import type { ByteBuffer } from "../byte-buffer.ts";
import type { HeaderMap } from "../header-map.ts";
import type { LocalResponse } from "../context.ts";
import type { StreamInfo } from "../stream-info.ts";

/** Envoy's `FilterHeadersStatus`, as far as filters here return it. */
export type HeadersStatus = "continue" | "stop-iteration" | "stop-all-and-buffer" | "stop-all-and-watermark";
/** Envoy's `FilterDataStatus`. */
export type DataStatus = "continue" | "stop-and-buffer" | "stop-and-watermark" | "stop-no-buffer";
/** Envoy's `FilterTrailersStatus`. */
export type TrailersStatus = "continue" | "stop-iteration";

/** What a filter may do to its stream. One object for each filter and direction. */
export interface FilterCallbacks {
  readonly streamInfo: StreamInfo;
  /** Goes on with a stream that this filter stopped. */
  continueIteration(): void;
  /** The bytes that this filter had buffered; `undefined` where there are none. */
  buffered(): ByteBuffer | undefined;
  /** Adds bytes to the buffer. Beyond the limit this answers 413 or 500. */
  addBuffered(data: ByteBuffer): void;
  /** Trailers for a message that has none, while its last piece of data is handled. */
  addTrailers(): HeaderMap;
  sendLocalReply(response: LocalResponse): void;
  resetStream(details: string): void;
  clearRouteCache(): void;
  /** True between a stop and a continue of this filter. */
  readonly stopped: boolean;
  /** True once the response has begun. */
  readonly responseStarted: boolean;
  /** True once a local reply was sent. */
  readonly localReplySent: boolean;
}

/** An HTTP filter: decode is the request's direction, encode the response's. Runs in Envoy's filter manager, see `filter-manager.ts`. */
export interface HttpFilter {
  readonly name: string;
  setCallbacks(decoder: FilterCallbacks, encoder: FilterCallbacks): void;
  decodeHeaders(headers: HeaderMap, endStream: boolean): HeadersStatus;
  decodeData(data: ByteBuffer, endStream: boolean): DataStatus;
  decodeTrailers(trailers: HeaderMap): TrailersStatus;
  /** The METADATA of HTTP/2. No filter stops it: Envoy's `FilterMetadataStatus` of a wasm filter is always Continue. */
  decodeMetadata?(metadata: HeaderMap): void;
  encodeHeaders(headers: HeaderMap, endStream: boolean): HeadersStatus;
  encodeData(data: ByteBuffer, endStream: boolean): DataStatus;
  encodeTrailers(trailers: HeaderMap): TrailersStatus;
  encodeMetadata?(metadata: HeaderMap): void;
  /** The access log of the request, once, when it is complete. */
  log(requestHeaders: HeaderMap | undefined, responseHeaders: HeaderMap | undefined, responseTrailers: HeaderMap | undefined): void;
  onDestroy(): void;
}

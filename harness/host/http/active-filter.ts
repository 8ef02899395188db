import { ByteBuffer } from "../byte-buffer.ts";
import type { LocalResponse } from "../context.ts";
import type { HeaderMap } from "../header-map.ts";
import type { StreamInfo } from "../stream-info.ts";
import type { FilterManager } from "./filter-manager.ts";
import type { DataStatus, FilterCallbacks, HeadersStatus, HttpFilter, TrailersStatus } from "./filter.ts";

/** Whether data and trailers begin at a filter itself (it had stopped everything) or after it. */
export type IterationStart = "current" | "next";

type IterationState = "continue" | "stop-single" | "stop-all-buffer" | "stop-all-watermark";

/**
 * One filter in one direction of one stream: Envoy's `ActiveStreamFilterBase` (source/common/http/filter_manager.cc), which decides
 * what a stop means for headers, data and trailers that come later.
 *
 * ```
 * continue            --StopIteration-->     stop-single       (data still comes: Continue from it goes on with the headers)
 * continue            --StopAllIteration*--> stop-all-*        (data waits in the buffer)
 * stop-*              --continueIteration--> continue          (headers if not yet sent, then buffered data, then trailers)
 * ```
 */
export abstract class ActiveFilter implements FilterCallbacks {
  readonly filter: HttpFilter;
  protected readonly manager: FilterManager;
  /** Position in the chain, downstream to upstream. */
  readonly index: number;
  endStream = false;
  private state: IterationState = "continue";
  private startsAtCurrent = false;
  private headersContinued = false;
  /** Set by the manager while the filter handles the trailers. */
  handlesTrailers = false;
  private trailersContinued = false;
  private headersCalled = false;
  private heldMetadata: HeaderMap[] = [];

  constructor(manager: FilterManager, filter: HttpFilter, index: number) {
    this.manager = manager;
    this.filter = filter;
    this.index = index;
  }

  abstract buffered(): ByteBuffer | undefined;
  protected abstract setBuffered(buffer: ByteBuffer): void;
  protected abstract canContinue(): boolean;
  protected abstract complete(): boolean;
  protected abstract trailers(): HeaderMap | undefined;
  protected abstract doHeaders(endStream: boolean): void;
  protected abstract doData(endStream: boolean): void;
  protected abstract doTrailers(): void;
  protected abstract doMetadata(metadata: HeaderMap): void;
  protected abstract checkLimit(streaming: boolean): void;
  abstract addTrailers(): HeaderMap;
  /** Whether what is buffered now may be more than the limit, because the filter reads it as a stream. */
  protected streaming = false;

  get streamInfo(): StreamInfo {
    return this.manager.streamInfo;
  }

  get stopped(): boolean {
    return this.state !== "continue";
  }

  get stoppedAll(): boolean {
    return this.state === "stop-all-buffer" || this.state === "stop-all-watermark";
  }

  get responseStarted(): boolean {
    return this.manager.responseHeaders !== undefined;
  }

  get localReplySent(): boolean {
    return this.manager.localReplySent;
  }

  /** The first filter that data or trailers go to when they come from this one. */
  start(start: IterationStart): number {
    return start === "current" && this.startsAtCurrent ? this.index : this.next();
  }

  protected abstract next(): number;

  afterHeaders(status: HeadersStatus): boolean {
    this.headersCalled = true;
    const goesOn = this.stateAfterHeaders(status);
    if (!this.stoppedAll) {
      const saved = this.startsAtCurrent;
      this.startsAtCurrent = true;
      this.releaseMetadata();
      this.startsAtCurrent = saved;
    }
    return goesOn;
  }

  private stateAfterHeaders(status: HeadersStatus): boolean {
    switch (status) {
      case "continue":
        this.headersContinued = true;
        return true;
      case "stop-iteration":
        this.state = "stop-single";
        return false;
      default:
        this.state = status === "stop-all-and-buffer" ? "stop-all-buffer" : "stop-all-watermark";
        return false;
    }
  }

  afterData(status: DataStatus, data: ByteBuffer): boolean {
    if (status === "continue") {
      if (this.state !== "stop-single") return true;
      this.buffer(data, this.streaming);
      this.continueIteration();
      return false;
    }
    this.state = "stop-single";
    if (status !== "stop-no-buffer") this.buffer(data, status === "stop-and-watermark");
    else if (this.complete() && this.trailers() === undefined && this.buffered() === undefined) this.setBuffered(new ByteBuffer());
    return false;
  }

  afterTrailers(status: TrailersStatus): boolean {
    // They went on from within the callback; what it returned afterwards stops nothing.
    if (this.trailersContinued) return false;
    if (status === "continue") {
      if (this.state !== "stop-single") return true;
      this.continueIteration();
      return false;
    }
    if (this.state === "continue") this.state = "stop-single";
    return false;
  }

  /** Keeps data of a filter that stopped everything; says whether it did. */
  holdData(data: ByteBuffer): boolean {
    if (!this.stoppedAll) return false;
    this.buffer(data, this.state === "stop-all-watermark");
    return true;
  }

  /** Keeps METADATA of a filter that has not seen headers or stopped everything; says whether it did. */
  holdMetadata(metadata: HeaderMap): boolean {
    if (this.headersCalled && !this.stoppedAll) return false;
    this.heldMetadata.push(metadata);
    return true;
  }

  private releaseMetadata(): void {
    const held = this.heldMetadata;
    this.heldMetadata = [];
    for (const metadata of held) this.doMetadata(metadata);
  }

  private buffer(data: ByteBuffer, streaming: boolean): void {
    this.streaming = streaming;
    let buffered = this.buffered();
    // A filter that stops again while it handles the buffered data changed it in place.
    if (buffered === data) return;
    if (buffered === undefined) this.setBuffered((buffered = new ByteBuffer()));
    buffered.move(data);
    this.checkLimit(streaming);
  }

  addBuffered(data: ByteBuffer): void {
    this.buffer(data, this.streaming);
  }

  continueIteration(): void {
    if (!this.canContinue()) return;
    if (this.state === "continue") {
      // Before the callback of the headers has returned: they go on, and once more where it returns Continue.
      if (!this.headersContinued) this.continueHeaders();
      if (this.handlesTrailers && !this.trailersContinued) {
        this.trailersContinued = true;
        this.doTrailers();
      }
      return;
    }
    if (this.stoppedAll) this.startsAtCurrent = true;
    this.state = "continue";
    if (!this.headersContinued) this.continueHeaders();
    this.releaseMetadata();
    const hadTrailers = this.trailers() !== undefined;
    if (this.buffered() !== undefined) this.doData(this.complete() && !hadTrailers);
    if (hadTrailers) this.doTrailers();
    this.startsAtCurrent = false;
  }

  private continueHeaders(): void {
    this.headersContinued = true;
    this.doHeaders(this.complete() && this.buffered() === undefined && this.trailers() === undefined);
  }

  sendLocalReply(response: LocalResponse): void {
    this.manager.sendLocalReply(response);
  }

  resetStream(details: string): void {
    this.manager.reset(details);
  }

  clearRouteCache(): void {
    this.manager.clearRouteCache();
  }
}

/** A filter in the request's direction. */
export class ActiveDecoderFilter extends ActiveFilter {
  protected next(): number {
    return this.index + 1;
  }

  buffered(): ByteBuffer | undefined {
    return this.manager.bufferedRequest;
  }

  protected setBuffered(buffer: ByteBuffer): void {
    this.manager.bufferedRequest = buffer;
  }

  protected canContinue(): boolean {
    return !this.manager.ended;
  }

  protected complete(): boolean {
    return this.manager.requestComplete;
  }

  protected trailers(): HeaderMap | undefined {
    return this.manager.requestTrailers;
  }

  protected doHeaders(endStream: boolean): void {
    const headers = this.manager.requestHeaders;
    if (headers !== undefined) this.manager.decodeHeaders(this, headers, endStream);
  }

  protected doData(endStream: boolean): void {
    const data = this.manager.bufferedRequest;
    if (data !== undefined) this.manager.decodeData(this, data, endStream, "current");
    this.manager.requestDrained();
  }

  protected doTrailers(): void {
    const trailers = this.manager.requestTrailers;
    if (trailers !== undefined) this.manager.decodeTrailers(this, trailers);
  }

  protected doMetadata(metadata: HeaderMap): void {
    this.manager.decodeMetadata(this, metadata);
  }

  protected checkLimit(streaming: boolean): void {
    this.manager.checkRequestLimit(streaming);
  }

  addTrailers(): HeaderMap {
    return this.manager.addRequestTrailers();
  }
}

/** A filter in the response's direction. */
export class ActiveEncoderFilter extends ActiveFilter {
  protected next(): number {
    return this.index - 1;
  }

  buffered(): ByteBuffer | undefined {
    return this.manager.bufferedResponse;
  }

  protected setBuffered(buffer: ByteBuffer): void {
    this.manager.bufferedResponse = buffer;
  }

  protected canContinue(): boolean {
    return !this.manager.ended;
  }

  protected complete(): boolean {
    return this.manager.responseComplete;
  }

  protected trailers(): HeaderMap | undefined {
    return this.manager.responseTrailers;
  }

  protected doHeaders(endStream: boolean): void {
    const headers = this.manager.responseHeaders;
    if (headers !== undefined) this.manager.encodeHeaders(this, headers, endStream);
  }

  protected doData(endStream: boolean): void {
    const data = this.manager.bufferedResponse;
    if (data !== undefined) this.manager.encodeData(this, data, endStream, "current");
    this.manager.responseDrained();
  }

  protected doTrailers(): void {
    const trailers = this.manager.responseTrailers;
    if (trailers !== undefined) this.manager.encodeTrailers(this, trailers);
  }

  protected doMetadata(metadata: HeaderMap): void {
    this.manager.encodeMetadata(this, metadata);
  }

  protected checkLimit(streaming: boolean): void {
    this.manager.checkResponseLimit(streaming);
  }

  addTrailers(): HeaderMap {
    return this.manager.addResponseTrailers();
  }
}

import { ByteBuffer } from "../byte-buffer.ts";
import type { HeaderMap } from "../header-map.ts";

/** Who has a message held: the filters, whose buffer is full, or the other side's codec, because nobody reads what it is to write. */
export type Holder = "filters" | "peer";

/** Where a message goes when it is read. */
export interface InletSink {
  data(data: ByteBuffer, endStream: boolean): void;
  trailers(trailers: HeaderMap): void;
  /** Runs `task` in the next turn of the event loop. */
  post(task: () => void): void;
}

/**
 * Through which the body and the trailers of a message come to the filters. Envoy stops reading a stream (`readDisable`) while somebody holds it, and what
 * its codec has by then waits there, put together to one piece (`defer_processing_backedup_streams`). Afterwards it comes in the next turn of the event loop.
 */
export class Inlet {
  private readonly sink: InletSink;
  private readonly holders = new Set<Holder>();
  private waiting: ByteBuffer | undefined;
  private ends = false;
  private waitingTrailers: HeaderMap | undefined;

  constructor(sink: InletSink) {
    this.sink = sink;
  }

  data(data: ByteBuffer, endStream: boolean): void {
    if (!this.isBehind) return this.sink.data(data, endStream);
    (this.waiting ??= new ByteBuffer()).move(data);
    this.ends ||= endStream;
  }

  trailers(trailers: HeaderMap): void {
    if (this.isBehind) this.waitingTrailers = trailers;
    else this.sink.trailers(trailers);
  }

  hold(holder: Holder): void {
    this.holders.add(holder);
  }

  release(holder: Holder): void {
    if (this.holders.delete(holder) && this.holders.size === 0) this.sink.post(() => this.flush());
  }

  /** Whether something came that the filters have not seen, or may not see yet. */
  private get isBehind(): boolean {
    return this.holders.size > 0 || this.waiting !== undefined || this.waitingTrailers !== undefined;
  }

  private flush(): void {
    const data = this.waiting;
    if (this.holders.size === 0 && data !== undefined) {
      this.waiting = undefined;
      this.sink.data(data, this.ends);
    }
    const trailers = this.waitingTrailers;
    if (this.holders.size > 0 || trailers === undefined) return;
    this.waitingTrailers = undefined;
    this.sink.trailers(trailers);
  }
}

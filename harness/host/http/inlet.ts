import { ByteBuffer } from "../byte-buffer.ts";
import type { HeaderMap } from "../header-map.ts";
import type { Downstream, FilterManager } from "./filter-manager.ts";

/** What may be stopped: by filters whose buffer is full, or by the other side's codec, because nobody reads what it is to write. */
export interface Flow {
  hold(holder: object): void;
  release(holder: object): void;
}

/** Where a message goes when it is read. */
export interface InletSink {
  data(data: ByteBuffer, endStream: boolean): void;
  trailers(trailers: HeaderMap): void;
  /** Runs `task` in the next turn of the event loop. */
  post(task: () => void): void;
}

/**
 * Through which the body and the trailers of a message come to the filters. Envoy stops reading (`readDisable`) while somebody holds it, and reads on in the
 * next turn of the event loop, no more at a time than may be buffered.
 *
 * - Of HTTP/2 it stops reading the stream. What its window takes waits in the codec, put together to one piece, with the end of the message if that came too
 *   (`defer_processing_backedup_streams`); the rest waits at the peer.
 * - Of HTTP/1.1 it stops reading the connection, and what comes waits in the kernel. What was read with the last bytes of a body, its end or trailers, comes
 *   behind them, held or not.
 */
export class Inlet implements Flow {
  private readonly sink: InletSink;
  private readonly isStream: boolean;
  private readonly limit: number;
  private readonly holders = new Set<object>();
  private waiting: ByteBuffer | undefined;
  private ends = false;
  private waitingTrailers: HeaderMap | undefined;
  /** Whether more waits, or has waited, than comes at a time. */
  private divided = false;

  constructor(sink: InletSink, protocol: string, limit: number) {
    this.sink = sink;
    this.isStream = protocol === "HTTP/2";
    this.limit = limit;
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

  hold(holder: object): void {
    this.holders.add(holder);
  }

  release(holder: object): void {
    if (this.holders.delete(holder) && this.holders.size === 0) this.sink.post(() => this.flush());
  }

  /** Whether something came that the filters have not seen, or may not see yet. */
  private get isBehind(): boolean {
    return this.holders.size > 0 || this.waiting !== undefined || this.waitingTrailers !== undefined;
  }

  private flush(): void {
    if (this.holders.size > 0) return;
    const { waiting } = this;
    this.divided ||= (waiting?.length ?? 0) > this.limit;
    if (waiting !== undefined && waiting.length > 0) {
      const ends = this.ends && this.isStream && !this.divided;
      this.ends &&= !ends;
      this.sink.data(waiting.take(this.limit), ends);
      if (waiting.length > 0) return this.sink.post(() => this.flush());
      if (this.isStream && this.holders.size > 0) return;
    }
    this.waiting = undefined;
    this.divided = false;
    if (this.ends) this.sink.data(new ByteBuffer(), true);
    const trailers = this.waitingTrailers;
    this.waitingTrailers = undefined;
    if (trailers !== undefined) this.sink.trailers(trailers);
  }
}

/** Through which body and trailers come in from a client's codec of `protocol`. */
export function requestInlet(manager: FilterManager, downstream: Downstream, protocol: string): Inlet {
  return new Inlet(
    {
      data: (data, endStream) => manager.decodeData(undefined, data, endStream, "current"),
      trailers: (trailers) => manager.decodeTrailers(undefined, trailers),
      post: (task) => downstream.post(task),
    },
    protocol,
    manager.limit,
  );
}

/** The same from an upstream's codec. */
export function responseInlet(manager: FilterManager, downstream: Downstream, protocol: string): Inlet {
  return new Inlet(
    {
      data: (data, endStream) => manager.encodeData(undefined, data, endStream, "current"),
      trailers: (trailers) => manager.encodeTrailers(undefined, trailers),
      post: (task) => downstream.post(task),
    },
    protocol,
    manager.limit,
  );
}

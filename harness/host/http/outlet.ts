import { ByteBuffer } from "../byte-buffer.ts";
import type { Flow } from "./inlet.ts";

/** What a stream of HTTP/2 takes from its peer without a WINDOW_UPDATE (RFC 9113, section 6.9.2). */
const WINDOW = 65_535;

/** A body on its way out of Envoy to a client or an upstream that may stop reading. */
export class Outlet {
  private readonly unread = new ByteBuffer();
  private readonly read: ByteBuffer;
  private readonly limit: number;
  private readonly source: () => Flow;
  private stopped = false;
  private written: (() => void) | undefined;

  /**
   * @param read Where what is read is put.
   * @param source Of which no more is read while more waits here than the window and `limit` take: the watermark of a codec's stream.
   */
  constructor(read: ByteBuffer, limit: number, source: () => Flow) {
    this.read = read;
    this.limit = limit;
    this.source = source;
  }

  write(data: ByteBuffer): void {
    (this.stopped ? this.unread : this.read).move(data);
    if (this.unread.length > WINDOW + this.limit) this.source().hold(this);
  }

  stop(): void {
    this.stopped = true;
  }

  start(): void {
    this.stopped = false;
    this.read.move(this.unread);
    this.source().release(this);
    this.written?.();
    this.written = undefined;
  }

  /** Runs `done` when the window has taken all. */
  whenWritten(done: () => void): void {
    if (this.unread.length <= WINDOW) done();
    else this.written = done;
  }
}

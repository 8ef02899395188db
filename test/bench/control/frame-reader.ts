/** What every frame of HTTP/2 begins with (RFC 9113, section 4.1): length, type, flags, stream. */
export const FRAME_HEADER = 9;
const DATA = 0;

/** What becomes of frames as they come. Buffers are valid during the call alone. */
export interface FrameEvents {
  /** A piece of what a DATA frame carries. */
  data(piece: Buffer): void;
  /** Any other frame, whole. */
  frame(type: number, flags: number, stream: number, payload: Buffer): void;
}

/**
 * Finds the frames of HTTP/2 in the bytes of a connection. What DATA frames carry is handed on where it lies, in as many pieces as it comes in: clients that join frames of
 * gigabytes take longer than a service takes to send them.
 */
export class FrameReader {
  private readonly events: FrameEvents;
  private readonly header = Buffer.alloc(FRAME_HEADER);
  private headerLength = 0;
  /** Of the frame that has begun: bytes that are still to come. */
  private left = 0;
  /** What has come of a frame that is handed on whole. */
  private parts: Buffer[] = [];

  constructor(events: FrameEvents) {
    this.events = events;
  }

  /** @param chunk may be used for something else afterwards */
  read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      if (this.headerLength < FRAME_HEADER) {
        const end = Math.min(chunk.length, at + FRAME_HEADER - this.headerLength);
        this.headerLength += chunk.copy(this.header, this.headerLength, at, end);
        at = end;
        if (this.headerLength < FRAME_HEADER) return;
        this.left = this.header.readUIntBE(0, 3);
      }
      const piece = chunk.subarray(at, at + this.left);
      at += piece.length;
      this.left -= piece.length;
      this.take(piece);
      if (this.left === 0) this.headerLength = 0;
    }
  }

  private take(piece: Buffer): void {
    const { header, left, parts, events } = this;
    const type = header.readUInt8(3);
    if (type === DATA) return events.data(piece);
    if (left > 0) return void parts.push(Buffer.from(piece));
    this.parts = [];
    events.frame(type, header.readUInt8(4), header.readUInt32BE(5), parts.length === 0 ? piece : Buffer.concat([...parts, piece]));
  }
}

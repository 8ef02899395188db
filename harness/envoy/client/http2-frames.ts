import { Duplex } from "node:stream";
import { type Socket } from "node:net";
import type { HeaderList } from "../../target/index.ts";

const PREFACE_LENGTH = 24;
const FRAME_HEADER_LENGTH = 9;
const DATA = 0;
const HEADERS = 1;
const CONTINUATION = 9;
/** Envoy's extension of HTTP/2 (source/docs/h2_metadata.md): a header block beside those of the message. */
const METADATA = 0x4d;
const END_METADATA = 0x4;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
/** The largest frame that every peer takes (RFC 9113, section 4.2). */
const MAX_FRAME = 16_384;

/**
 * Stands between Node's HTTP/2 session and its socket, and puts prepared header blocks in the place of those that the session writes. So the
 * session does the work of HTTP/2, and a client can send headers that it would refuse: repeated pseudo-headers, NUL, a missing `:path`.
 * The session's own compression state does not matter, since every block is replaced by one that uses no table.
 */
export class HeaderBlockSubstitution extends Duplex {
  private readonly socket: Socket;
  private readonly requests: Buffer[] = [];
  private readonly trailers = new Map<number, Buffer>();
  private begun = 0;
  private outgoing = Buffer.alloc(0);
  private prefaceSent: boolean;
  private incoming = Buffer.alloc(0);
  private prefaceToCome: number;
  private readonly received = new Map<number, number>();
  /** The stream of which the peer sent the end last. */
  lastEnded = 0;

  /** @param side A client's bytes begin with the preface (RFC 9113, section 3.4). Default: `client`. */
  constructor(socket: Socket, side: "client" | "server" = "client") {
    super();
    this.socket = socket;
    this.prefaceSent = side === "server";
    this.prefaceToCome = side === "server" ? PREFACE_LENGTH : 0;
    socket.on("data", (chunk: Buffer) => {
      this.readFrames(chunk);
      if (!this.push(chunk)) socket.pause();
    });
    socket.on("end", () => this.push(null));
    socket.on("close", () => this.destroy());
    socket.on("error", () => this.destroy());
  }

  /** The header block of the next stream that begins becomes `headers`. */
  substituteHeaders(headers: HeaderList): void {
    this.requests.push(encodeHeaderBlock(headers));
  }

  /** The second header block of a stream becomes `headers`. It may never be written: a stream whose answer came early has no use for it. */
  substituteTrailers(stream: number, headers: HeaderList): void {
    this.trailers.set(stream, encodeHeaderBlock(headers));
  }

  /** Sends a METADATA frame behind what the session has written of a stream. */
  sendMetadata(stream: number, entries: HeaderList): void {
    const payload = encodeHeaderBlock(entries);
    this.socket.write(Buffer.concat([frameHead(payload.length, METADATA, END_METADATA, stream), payload]));
  }

  /** How many METADATA, each whole, the peer has sent of a stream. */
  metadataReceived(stream: number): number {
    return this.received.get(stream) ?? 0;
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.outgoing = Buffer.concat([this.outgoing, chunk]);
    const ready = this.takeFrames();
    if (ready.length === 0) done();
    else this.socket.write(ready, () => done());
  }

  override _final(done: () => void): void {
    this.socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.socket.destroy();
    done(error);
  }

  /** The session drops frames of types that it does not know (RFC 9113, section 5.5), and forgets what came before its connection broke. */
  private readFrames(chunk: Buffer): void {
    this.incoming = Buffer.concat([this.incoming, chunk]);
    let at = 0;
    if (this.prefaceToCome > 0) {
      if (this.incoming.length < this.prefaceToCome) return;
      at = this.prefaceToCome;
      this.prefaceToCome = 0;
    }
    for (; at + FRAME_HEADER_LENGTH <= this.incoming.length;) {
      const end = at + FRAME_HEADER_LENGTH + this.incoming.readUIntBE(at, 3);
      if (end > this.incoming.length) break;
      const stream = this.incoming.readUInt32BE(at + 5);
      const [type, flags] = [this.incoming[at + 3], this.incoming[at + 4] ?? 0];
      if (type === METADATA && (flags & END_METADATA) !== 0) this.received.set(stream, this.metadataReceived(stream) + 1);
      if ((type === DATA || type === HEADERS) && (flags & END_STREAM) !== 0) this.lastEnded = stream;
      at = end;
    }
    this.incoming = this.incoming.subarray(at);
  }

  private takeFrames(): Buffer {
    const ready: Buffer[] = [];
    let at = 0;
    if (!this.prefaceSent && this.outgoing.length >= PREFACE_LENGTH) {
      ready.push(this.outgoing.subarray(0, PREFACE_LENGTH));
      at = PREFACE_LENGTH;
      this.prefaceSent = true;
    }
    while (this.prefaceSent && at + FRAME_HEADER_LENGTH <= this.outgoing.length) {
      const end = at + FRAME_HEADER_LENGTH + this.outgoing.readUIntBE(at, 3);
      if (end > this.outgoing.length) break;
      const frame = this.outgoing.subarray(at, end);
      const stream = frame.readUInt32BE(5);
      const block = frame[3] === HEADERS ? this.blockOf(stream) : undefined;
      if (block === undefined) ready.push(frame);
      else ready.push(...headerFrames(block, stream, (frame[4] ?? 0) & END_STREAM));
      at = end;
    }
    this.outgoing = this.outgoing.subarray(at);
    return Buffer.concat(ready);
  }

  private blockOf(stream: number): Buffer | undefined {
    // Streams are numbered in the order in which they begin (RFC 9113, section 5.1.1).
    if (stream > this.begun) {
      this.begun = stream;
      return this.requests.shift();
    }
    return this.trailers.get(stream);
  }
}

function headerFrames(block: Buffer, stream: number, endStream: number): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < block.length; at += MAX_FRAME) {
    const payload = block.subarray(at, at + MAX_FRAME);
    const flags = (at === 0 ? endStream : 0) | (at + MAX_FRAME >= block.length ? END_HEADERS : 0);
    frames.push(frameHead(payload.length, at === 0 ? HEADERS : CONTINUATION, flags, stream), payload);
  }
  return frames;
}

function frameHead(length: number, type: number, flags: number, stream: number): Buffer {
  const head = Buffer.alloc(FRAME_HEADER_LENGTH);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return head;
}

/** Every field as a literal without indexing, with a literal name, not compressed (RFC 7541, section 6.2.2). */
export function encodeHeaderBlock(headers: HeaderList): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of headers) {
    const [nameBytes, valueBytes] = [Buffer.from(name, "utf8"), Buffer.from(value, "utf8")];
    parts.push(Buffer.from([0]), lengthOf(nameBytes), nameBytes, lengthOf(valueBytes), valueBytes);
  }
  return Buffer.concat(parts);
}

/** An integer with a prefix of 7 bits (RFC 7541, section 5.1). */
function lengthOf(bytes: Buffer): Buffer {
  if (bytes.length < 127) return Buffer.from([bytes.length]);
  const octets = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) + 128);
  octets.push(rest);
  return Buffer.from(octets);
}

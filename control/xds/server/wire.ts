import { XdsError } from "./error.ts";

/** Wire types of protobuf (https://protobuf.dev/programming-guides/encoding/#structure). */
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH = 2;
export const FIXED32 = 5;

/**
 * Reads protobuf's wire format without knowing a schema, in one pass and without a copy. Everything that is not well-formed throws
 * {@link XdsError} `INVALID_ARGUMENT` with the offset.
 */
export class WireReader {
  private readonly bytes: Buffer;
  private readonly what: string;
  private readonly end: number;
  private at: number;
  /** Of the field whose tag was read last. */
  field = 0;
  wireType = 0;

  /** @param what names the message in errors */
  constructor(bytes: Buffer, what: string, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.what = what;
    this.at = start;
    this.end = end;
  }

  /** Reads the next tag; false at the end of the message. */
  next(): boolean {
    if (this.at === this.end) return false;
    const tag = this.varint();
    this.field = tag >>> 3;
    this.wireType = tag & 7;
    if (this.field === 0 || tag > 0xffffffff) throw this.malformed("field number 0");
    return true;
  }

  /** A string of at most `limit` bytes. */
  string(limit: number): string {
    const length = this.length();
    if (length > limit) throw this.malformed(`field ${this.field} has ${length} bytes, ${limit} are allowed`);
    const text = this.bytes.toString("utf8", this.at, this.at + length);
    if (text.includes("\ufffd")) throw this.malformed(`field ${this.field} is not UTF-8`);
    this.at += length;
    return text;
  }

  /** As {@link string}, but what is longer is cut. For texts of a client that are only shown. */
  text(limit: number): string {
    const length = this.length();
    const text = this.bytes.toString("utf8", this.at, this.at + Math.min(length, limit));
    this.at += length;
    return text;
  }

  /** The bytes of a field, a view of the message's. */
  view(): Buffer {
    const length = this.length();
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** Passes over the bytes of a field. */
  pass(): void {
    // In one statement `at` would be read before the length moves it.
    const length = this.length();
    this.at += length;
  }

  /** A reader of the message in this field. */
  message(): WireReader {
    const length = this.length();
    this.at += length;
    return new WireReader(this.bytes, this.what, this.at - length, this.at);
  }

  /** Values above 2^53 lose their last digits, which nothing here asks for. */
  number(): number {
    if (this.wireType !== VARINT) throw this.malformed(`field ${this.field} has wire type ${this.wireType}, expected ${VARINT}`);
    return this.varint();
  }

  /** Where the reader stands. */
  get offset(): number {
    return this.at;
  }

  /** Passes over the value of a field. */
  skip(): void {
    if (this.wireType === VARINT) this.varint();
    else if (this.wireType === LENGTH) this.pass();
    else if (this.wireType === FIXED64) this.advance(8);
    else if (this.wireType === FIXED32) this.advance(4);
    // Groups exist in proto2 only; no message of Envoy's API has any.
    else throw this.malformed(`field ${this.field} has wire type ${this.wireType}`);
  }

  private length(): number {
    if (this.wireType !== LENGTH) throw this.malformed(`field ${this.field} has wire type ${this.wireType}, expected ${LENGTH}`);
    const length = this.varint();
    if (length > this.end - this.at) throw this.malformed(`field ${this.field} ends behind the message`);
    return length;
  }

  private advance(count: number): void {
    if (count > this.end - this.at) throw this.malformed(`field ${this.field} ends behind the message`);
    this.at += count;
  }

  private varint(): number {
    let value = 0;
    for (let i = 0, scale = 1; i < 10; i++, scale *= 128) {
      if (this.at === this.end) throw this.malformed("a number is cut off");
      const byte = this.bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw this.malformed("a number has more than 10 bytes");
  }

  private malformed(reason: string): XdsError {
    return new XdsError("INVALID_ARGUMENT", `not a ${this.what}: at byte ${this.at}: ${reason}`);
  }
}

/** Bytes of a number as a varint. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Writes a varint at `at` and returns where it ends. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) target[at++] = (rest % 128) | 0x80;
  target[at++] = rest;
  return at;
}

/** Bytes of a field with a tag of one byte that holds `length` bytes. */
export function fieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

/** Writes tag and length of a field that holds `length` bytes, and returns where they begin. `field` is below 16. */
export function writeFieldHead(target: Uint8Array, at: number, field: number, length: number): number {
  target[at++] = (field << 3) | LENGTH;
  return writeVarint(target, at, length);
}

/** Writes a field with a text whose length in bytes is known, and returns where it ends. */
export function writeText(target: Buffer, at: number, field: number, text: string, length: number): number {
  const start = writeFieldHead(target, at, field, length);
  target.write(text, start, length, "utf8");
  return start + length;
}

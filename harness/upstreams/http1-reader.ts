import { isAscii } from "node:buffer";
import type { HeaderList } from "../target/exchange.ts";
import { fromWire } from "./wire.ts";

/** A message of HTTP/1.1 as it came over the wire. */
export interface Http1Message {
  /** Of bytes as one character each, as `node:http` has it. */
  readonly start: string;
  readonly headers: HeaderList;
  readonly body: Buffer;
  readonly trailers: HeaderList;
}

/** How many bytes of body follow a head, or what ends them. */
export type BodyLength = number | "chunked" | "until-close";

/**
 * Decides what follows a head, by its first line and headers; names are as sent.
 *
 * @returns the body; `interim` where another head follows in this one's place; `undefined` where the head is no message
 */
export type ReadHead = (start: string, headers: HeaderList) => BodyLength | "interim" | undefined;

type State = "head" | "fixed" | "chunk-size" | "chunk" | "trailers" | "until-close" | "done" | "failed";

const BLANK_LINE = Buffer.from("\r\n\r\n");
const LINE = Buffer.from("\r\n");
const EMPTY = Buffer.alloc(0);
/** Bytes of a head, as much as the HTTP/2 of upstreams takes. */
const LONGEST_HEAD = 4 * 1024 * 1024;

/** Reads one message of HTTP/1.1 (RFC 9112) from bytes as they come. */
export class Http1Reader {
  private readonly readHead: ReadHead;
  private state: State = "head";
  private bytes: Buffer = EMPTY;
  private start = "";
  private headers: HeaderList = [];
  private trailers: HeaderList = [];
  private readonly body: Buffer[] = [];
  private headBytes: Buffer = EMPTY;
  private left = 0;
  private ended = false;

  constructor(readHead: ReadHead) {
    this.readHead = readHead;
  }

  get failed(): boolean {
    return this.state === "failed";
  }

  /** The head that was read last, with the blank line that ends it. */
  get head(): Buffer {
    return this.headBytes;
  }

  /** What came behind the message. */
  get rest(): Buffer {
    return this.bytes;
  }

  /** The connection has ended. */
  end(): void {
    this.ended = true;
  }

  /** Takes more bytes, which have to stay as they are, and returns the message once it is whole. */
  read(bytes: Buffer): Http1Message | undefined {
    if (bytes.length > 0) this.bytes = this.bytes.length === 0 ? bytes : Buffer.concat([this.bytes, bytes]);
    while (this.step());
    if (this.state === "until-close" && this.ended) this.state = "done";
    if (this.state !== "done") return undefined;
    const [only = EMPTY] = this.body;
    const body = this.body.length > 1 ? Buffer.concat(this.body) : only;
    return { start: this.start, headers: this.headers, body, trailers: this.trailers };
  }

  /** Goes one state further; false where bytes are missing. */
  private step(): boolean {
    switch (this.state) {
      case "head":
        return this.takeHead();
      case "fixed":
      case "chunk":
        return this.takeBody();
      case "until-close":
        this.take(this.bytes.length);
        return false;
      case "chunk-size": {
        const line = this.line();
        if (line === undefined) return false;
        this.left = Number.parseInt(line, 16);
        this.state = Number.isNaN(this.left) ? "failed" : this.left === 0 ? "trailers" : "chunk";
        return true;
      }
      case "trailers": {
        const line = this.line();
        if (line === undefined) return false;
        if (line === "") this.state = "done";
        else this.trailers = [...this.trailers, pair(line, false)];
        return true;
      }
      case "done":
      case "failed":
        return false;
    }
  }

  private takeHead(): boolean {
    const end = this.bytes.indexOf(BLANK_LINE);
    if (end < 0) {
      if (this.bytes.length > LONGEST_HEAD) this.state = "failed";
      return false;
    }
    const head = this.bytes.subarray(0, end);
    this.headBytes = this.bytes.subarray(0, end + BLANK_LINE.length);
    this.bytes = this.bytes.subarray(end + BLANK_LINE.length);
    const [start = "", ...lines] = head.toString("latin1").split("\r\n");
    const ascii = isAscii(head);
    this.start = start;
    this.headers = lines.map((line) => pair(line, ascii));
    const follows = this.readHead(start, this.headers);
    if (follows === undefined) this.state = "failed";
    else if (follows === "chunked") this.state = "chunk-size";
    else if (follows === "until-close") this.state = "until-close";
    else if (follows !== "interim") {
      this.left = follows;
      this.state = follows === 0 ? "done" : "fixed";
    }
    return true;
  }

  private takeBody(): boolean {
    const length = Math.min(this.left, this.bytes.length);
    this.take(length);
    this.left -= length;
    if (this.left > 0) return false;
    if (this.state === "fixed") this.state = "done";
    else if (this.line() === undefined) return false;
    else this.state = "chunk-size";
    return true;
  }

  private take(length: number): void {
    if (length === 0) return;
    this.body.push(this.bytes.subarray(0, length));
    this.bytes = this.bytes.subarray(length);
  }

  private line(): string | undefined {
    const end = this.bytes.indexOf(LINE);
    if (end < 0) return undefined;
    const line = this.bytes.toString("latin1", 0, end);
    this.bytes = this.bytes.subarray(end + LINE.length);
    return line;
  }
}

/** What a head says about its body and its connection (RFC 9112, sections 6 and 9.6), values in lower case. */
export interface Framing {
  readonly length: string | undefined;
  readonly chunked: boolean;
  readonly connection: string;
}

export function framingOf(headers: HeaderList): Framing {
  let length: string | undefined;
  let chunked = false;
  let connection = "";
  for (const [name, value] of headers) {
    // Most names are told apart by their length.
    if (name.length === 14 && name.toLowerCase() === "content-length") length ??= value;
    else if (name.length === 17 && name.toLowerCase() === "transfer-encoding") chunked ||= value.toLowerCase().includes("chunked");
    else if (name.length === 10 && name.toLowerCase() === "connection") connection ||= value.toLowerCase();
  }
  return { length, chunked, connection };
}

function pair(line: string, ascii: boolean): readonly [string, string] {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon);
  const value = withoutSpace(line, colon + 1);
  return ascii ? [name, value] : [fromWire(name), fromWire(value)];
}

/** What stands from `start` on without the spaces and tabs around it (RFC 9110, section 5.5): what else `trim` takes away may be half of a character of UTF-8. */
function withoutSpace(line: string, start: number): string {
  let end = line.length;
  while (start < end && isSpace(line.charCodeAt(start))) start++;
  while (start < end && isSpace(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

const isSpace = (code: number) => code === 0x20 || code === 0x09;

import type { HeaderList } from "../../target/index.ts";
import { fromWire } from "../../upstreams/index.ts";
import type { ClientResponse } from "./message.ts";

type State = "head" | "fixed" | "chunk-size" | "chunk" | "trailers" | "until-close" | "done" | "failed";

const BLANK_LINE = Buffer.from("\r\n\r\n");
const LINE = Buffer.from("\r\n");

/** Reads one HTTP/1.1 response (RFC 9112) from bytes as they come. Interim responses (1xx but 101) are skipped. */
export class Http1Reader {
  private readonly method: string;
  private state: State = "head";
  private bytes = Buffer.alloc(0);
  private status = 0;
  private headers: HeaderList = [];
  private trailers: HeaderList = [];
  private readonly body: Buffer[] = [];
  private left = 0;
  private ended = false;
  keepAlive = true;

  constructor(method: string) {
    this.method = method;
  }

  get failed(): boolean {
    return this.state === "failed";
  }

  /** What came behind the response. */
  get rest(): Buffer {
    return this.bytes;
  }

  /** The connection has ended. */
  end(): void {
    this.ended = true;
  }

  /** Takes more bytes and returns the response once it is whole. */
  read(bytes: Buffer): ClientResponse | undefined {
    if (bytes.length > 0) this.bytes = this.bytes.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.bytes, bytes]);
    while (this.step());
    if (this.state === "until-close" && this.ended) this.state = "done";
    if (this.state !== "done") return undefined;
    return { status: this.status, headers: this.headers, body: Buffer.concat(this.body), trailers: this.trailers };
  }

  /** Goes one state further; false where bytes are missing. */
  private step(): boolean {
    switch (this.state) {
      case "head":
        return this.readHead();
      case "fixed":
      case "chunk":
        return this.readBody();
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
        else this.trailers = [...this.trailers, pair(line)];
        return true;
      }
      case "done":
      case "failed":
        return false;
    }
  }

  private readHead(): boolean {
    const end = this.bytes.indexOf(BLANK_LINE);
    if (end < 0) return false;
    const [first = "", ...rest] = this.bytes.subarray(0, end).toString("latin1").split("\r\n");
    this.bytes = this.bytes.subarray(end + BLANK_LINE.length);
    const match = /^HTTP\/1\.[01] (\d{3})/.exec(first);
    this.status = Number(match?.[1] ?? 0);
    this.headers = rest.map(pair);
    if (match === null) this.state = "failed";
    else if (this.status >= 200 || this.status === 101) this.beginBody();
    return true;
  }

  /** RFC 9112, section 6.3. */
  private beginBody(): void {
    const value = (name: string) => this.headers.find(([key]) => key.toLowerCase() === name)?.[1].toLowerCase();
    this.keepAlive = value("connection") !== "close";
    const length = value("content-length");
    this.left = Number(length ?? 0);
    if (this.method === "HEAD" || this.status === 204 || this.status === 304 || this.status === 101) this.state = "done";
    else if (value("transfer-encoding")?.includes("chunked") === true) this.state = "chunk-size";
    else if (length !== undefined) this.state = this.left === 0 ? "done" : "fixed";
    else {
      this.state = "until-close";
      this.keepAlive = false;
    }
  }

  private readBody(): boolean {
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
    const line = this.bytes.subarray(0, end).toString("latin1");
    this.bytes = this.bytes.subarray(end + LINE.length);
    return line;
  }
}

function pair(line: string): readonly [string, string] {
  const colon = line.indexOf(":");
  return [fromWire(line.slice(0, colon)), fromWire(line.slice(colon + 1).trim())];
}

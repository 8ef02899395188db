/** A request of a load, complete. */
export interface LoadRequest {
  readonly method: string;
  readonly path: string;
  /** `host[:port]`, as the server sees it. */
  readonly authority: string;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body: string | Uint8Array | undefined;
}

/** A whole answer. */
export class LoadAnswer {
  readonly status: number;
  /** By names in lower case; several values of one name are a list. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  private readonly chunks: readonly Uint8Array[];

  constructor(status: number, headers: LoadAnswer["headers"], chunks: readonly Uint8Array[]) {
    this.status = status;
    this.headers = headers;
    this.chunks = chunks;
  }

  get bytes(): Uint8Array {
    const [only] = this.chunks;
    return only !== undefined && this.chunks.length === 1 ? only : Buffer.concat(this.chunks);
  }

  /** As UTF-8. */
  get body(): string {
    return Buffer.from(this.bytes).toString();
  }
}

/** No answer, or not all of one. */
export interface Loss {
  readonly reason: string;
  /**
   * No byte of an answer came, and the connection had served others before: the server may have closed it while it was idle, which clients of
   * HTTP meet by sending an idempotent request again (RFC 9110, section 9.2.2; RFC 9112, section 9.3.1). Or the server says that it did not look at the request
   * (RFC 9113, section 8.7).
   */
  readonly retriable: boolean;
}

export type Outcome = LoadAnswer | Loss;

/** What has one request on its way at a time. */
export interface Channel {
  /** `done` is called once, and never before this returns. */
  exchange(request: LoadRequest, done: (outcome: Outcome) => void): void;
  /** Gives up the request that is on its way, without calling `done`. */
  abandon(): void;
  close(): void;
}

/** RFC 9110, section 9.2.2 */
export function isIdempotent(method: string): boolean {
  return ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"].includes(method);
}

/** How far an exchange had come when it failed. */
export interface Progress {
  readonly connected: boolean;
  /** The connection has brought an answer before. */
  readonly reused: boolean;
  /** A part of the answer was there. */
  readonly begun: boolean;
}

/** Says in few words why there is no answer, the same for the same cause, so that they can be counted. */
export function lossOf(error: unknown, { connected, reused, begun }: Progress): Loss {
  const { code = "", name, message } = error as NodeJS.ErrnoException;
  if (code === "UND_ERR_INVALID_ARG") return { reason: `cannot be sent: ${message}`, retriable: false };
  if (!connected) return { reason: code === "ECONNREFUSED" ? "connection refused" : `no connection: ${code || message}`, retriable: false };
  if (name === "HTTPParserError") return { reason: `not an answer of HTTP: ${message}`, retriable: false };
  const how = ["ECONNRESET", "EPIPE"].includes(code) ? "reset" : "closed";
  if (["ECONNRESET", "EPIPE", "UND_ERR_SOCKET", "UND_ERR_RES_CONTENT_LENGTH_MISMATCH"].includes(code)) {
    if (begun) return { reason: `answer cut off: connection ${how}`, retriable: false };
    return { reason: `${reused ? "used" : "new"} connection ${how} before an answer`, retriable: reused };
  }
  return { reason: `${begun ? "answer cut off" : "no answer"}: ${message}`, retriable: false };
}

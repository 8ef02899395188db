import type { LoadAnswer, LoadRequest } from "./exchange.ts";
import type { Caller, Place, Protocol } from "./place.ts";

/** What a request is, where it is not what the others are. */
export interface LoadRequestSpec {
  readonly method?: string;
  /** With the query. */
  readonly path?: string;
  readonly authority?: string;
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body?: string | Uint8Array;
}

export interface LoadOptions extends LoadRequestSpec {
  /** Of `http:` or `https:`; gives the path and the authority too where they are not given. */
  readonly url: string;
  /** Who sends the requests, such as a workload of a mesh, or where they go instead of the URL's host. Default: to the URL's host. */
  readonly via?: Caller | Place;
  /** What is different of the request of this number, which counts from 0. Default: nothing. */
  readonly request?: (index: number) => LoadRequestSpec;
  /** HTTP/2 is spoken at once, without an upgrade. Default: `http/1.1`. */
  readonly protocol?: Protocol;
  /** With a rate: at most so many. Default: 4; with a rate, 32. */
  readonly connections?: number;
  /** Of HTTP/2: requests on each connection at a time. Default: 1. */
  readonly streams?: number;
  /** Requests per second, sent when they are due (an open loop). Default: each connection sends when it has its answer. */
  readonly rate?: number;
  /** Whether this is the answer that is wanted: no, or a text that says why not, or an exception, makes it a wrong one. Default: any status from 200 to 399. */
  readonly check?: (answer: LoadAnswer, request: LoadRequest) => boolean | string | undefined;
  /** Milliseconds from sending until a request is lost. Default: 10,000. */
  readonly timeout?: number;
  /**
   * Sends an idempotent request once more, on a new connection, where the one that it went over had served others and was closed before any byte of the answer, as clients of HTTP do
   * (RFC 9110, section 9.2.2). Default: false: it is lost.
   */
  readonly retryReused?: boolean;
}

/** @throws RangeError */
export function checkOptions({ url, connections, streams, rate, timeout, protocol }: LoadOptions): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !["http:", "https:"].includes(parsed.protocol))
    throw new RangeError(`url: ${JSON.stringify(url)} is no URL of http: or https:`);
  for (const [name, value] of Object.entries({ connections, streams })) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0))
      throw new RangeError(`${name}: ${value} is no number of them; expected 1 or more`);
  }
  for (const [name, value] of Object.entries({ rate, timeout })) {
    if (value !== undefined && !(Number.isFinite(value) && value > 0))
      throw new RangeError(`${name}: ${value} is none; expected more than 0`);
  }
  if (streams !== undefined && protocol !== "h2")
    throw new RangeError('streams: a connection of HTTP/1.1 has one; with protocol: "h2" it has more');
}

/** The request of each number. */
export function requestsOf(url: URL, options: LoadOptions): (index: number) => LoadRequest {
  const { method = "GET", path = url.pathname + url.search, authority = url.host, headers = [], body, request } = options;
  const base: LoadRequest = { method, path, authority, headers, body };
  return request === undefined ? () => base : (index) => ({ ...base, ...request(index) });
}

import { Bytes } from "../../lib/bytes";
import { BufferType, HeaderMapType } from "../abi/enums";
import { proxy_http_call } from "../abi/hostcalls";
import { RESULT, resultU32 } from "../abi/results";
import { Root } from "../contexts/root";
import { Stream } from "../contexts/stream";
import { Buffer } from "../hostcalls/buffer";
import { HeaderMap } from "../hostcalls/header-map";
import { HeaderPairs } from "../hostcalls/header-pairs";
import { Callout } from "./callout";
import { track } from "./pending";

/** The answer of an HTTP callout. Its parts are readable only inside {@link HttpCallout.onResponse}. */
@final
export class HttpCalloutResponse {
  readonly headers: HeaderMap = new HeaderMap(HeaderMapType.HttpCallResponseHeaders);
  readonly body: Buffer = new Buffer(BufferType.HttpCallResponseBody);
  readonly trailers: HeaderMap = new HeaderMap(HeaderMapType.HttpCallResponseTrailers);
  /** No answer at all. A timeout and a refused connection look like answers instead: Envoy makes 504 and 503 of them. */
  failed: bool = false;
}

const response = new HttpCalloutResponse();

/**
 * A request to another cluster. Make the object once, as a field of the stream or root that uses it, and send it again and again; while an
 * answer is outstanding a second `send` gives the first up. An answer for a stream that has ended is dropped.
 */
export abstract class HttpCallout extends Callout {
  /** The answer came, or will never come; hostcalls act on the stream that sent it. */
  abstract onResponse(response: HttpCalloutResponse): void;

  /**
   * Sends a request for `stream`. `headers` need `:method`, `:path` and `:authority`. Returns `false` where it could not be sent (unknown
   * cluster, no healthy host, open circuit breaker): then no answer comes, and the caller decides at once.
   */
  send(
    stream: Stream,
    cluster: Bytes,
    headers: HeaderPairs,
    timeoutMilliseconds: u32,
    body: Bytes | null = null,
    trailers: HeaderPairs | null = null,
  ): bool {
    return this.dispatch(stream, stream.root, cluster, headers, timeoutMilliseconds, body, trailers);
  }

  /** The same for a root context, in `configure` or `onTick`. */
  sendFromRoot(
    root: Root,
    cluster: Bytes,
    headers: HeaderPairs,
    timeoutMilliseconds: u32,
    body: Bytes | null = null,
    trailers: HeaderPairs | null = null,
  ): bool {
    return this.dispatch(null, root, cluster, headers, timeoutMilliseconds, body, trailers);
  }

  private dispatch(
    stream: Stream | null,
    root: Root,
    cluster: Bytes,
    headers: HeaderPairs,
    timeoutMilliseconds: u32,
    body: Bytes | null,
    trailers: HeaderPairs | null,
  ): bool {
    const status = proxy_http_call(
      cluster.pointer,
      <usize>cluster.length,
      headers.pointer,
      headers.size,
      body != null ? body.pointer : 0,
      body != null ? <usize>body.length : 0,
      trailers != null ? trailers.pointer : 0,
      trailers != null ? trailers.size : 0,
      timeoutMilliseconds,
      RESULT,
    );
    return status == 0 && track(this, resultU32(), stream, root);
  }

  /** @internal */
  receive(headerCount: u32): void {
    response.failed = headerCount == 0;
    this.onResponse(response);
  }
}

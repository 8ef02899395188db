import type { Body, HeaderList, Protocol, ScriptedResponse } from "../target/exchange.ts";

/** A request as it came over the wire: names as sent, repeated headers apart and in order, pseudo-headers and `host` in fields of their own. */
export interface RecordedRequest {
  readonly protocol: Protocol;
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  /** Of HTTP/2 only. */
  readonly scheme?: string;
  readonly headers: HeaderList;
  /** As sent, with gRPC's framing; of a WebSocket its first message. */
  readonly body: Buffer;
  readonly trailers: HeaderList;
}

/** What the upstream answers. A gRPC answer of several messages names them instead of a body. */
export interface UpstreamAnswer extends ScriptedResponse {
  readonly messages?: readonly Body[];
  /** Over HTTP/2: sends all but the end, which never comes, and calls this when the other side has dealt with it and still wants the rest. */
  readonly withoutEnd?: () => void;
}

/** Chooses the answer when the whole request is there. A rejection resets the stream. */
export type Script = (request: RecordedRequest) => UpstreamAnswer | Promise<UpstreamAnswer>;

export interface UpstreamOptions {
  /** Address to bind. Default: `127.0.0.1`. */
  readonly host?: string;
  /** Port to listen on. Default: a free one. */
  readonly port?: number;
  /** A socket of the file system to listen on, instead of an address. */
  readonly path?: string;
  /** PEM texts with which handshakes of TLS are answered; ALPN chooses between HTTP/1.1 and HTTP/2. Default: what begins with a handshake is cut off. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Default: 200 without a body. */
  readonly script?: Script;
  /** Requests to keep in `requests`. Default: 1,000; older ones are dropped. */
  readonly keep?: number;
}

/** A scripted server for HTTP/1.1, HTTP/2, gRPC and WebSocket on one port of its own. */
export interface Upstream extends AsyncDisposable {
  readonly host: string;
  /** 0 where it listens on a path. */
  readonly port: number;
  /** What came so far, oldest first. */
  readonly requests: readonly RecordedRequest[];
}

/** What a protocol's server is given: it fills in a record and carries out the answer. */
export type Serve = (request: RecordedRequest) => UpstreamAnswer | Promise<UpstreamAnswer>;

export function wait(milliseconds: number | undefined): Promise<void> {
  return new Promise((resolve) => (milliseconds === undefined || milliseconds <= 0 ? resolve() : setTimeout(resolve, milliseconds)));
}

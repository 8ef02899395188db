import type { HeaderList } from "../../target/index.ts";

/** A request as a client puts it on the wire, byte for byte: nothing is checked, ordered or added but what frames the body. */
export interface ClientRequest {
  readonly method: string;
  readonly scheme: string;
  /** Left out where empty. */
  readonly authority: string;
  readonly path: string;
  readonly headers: HeaderList;
  /** Each is sent on its own: over HTTP/2 when the one before is dealt with. */
  readonly pieces: readonly Buffer[];
  /** The length is not told in advance. */
  readonly streamed: boolean;
  readonly trailers: HeaderList;
  /** Neither the end nor trailers are sent: when the pieces are dealt with, the client gives up. Over HTTP/2 only. */
  readonly endless?: boolean;
  /** When it resolves, the client gives up. */
  readonly giveUp?: Promise<void>;
}

export interface ClientResponse {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Buffer;
  readonly trailers: HeaderList;
}

/** One connection to Envoy, for one request at a time. */
export interface ClientConnection {
  /** The client's port, by which Envoy's log and the upstream name the connection. */
  readonly port: number;
  /** Whether another request can follow. */
  readonly reusable: boolean;
  /** `undefined` where the stream ended without a whole answer, or the client gave up before there was one. */
  exchange(request: ClientRequest): Promise<ClientResponse | undefined>;
  close(): void;
}

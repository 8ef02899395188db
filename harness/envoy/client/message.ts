import type { HeaderList } from "../../target/index.ts";

/** A request as a client puts it on the wire, byte for byte: nothing is checked, ordered or added but what frames the body. */
export interface ClientRequest {
  readonly method: string;
  readonly scheme: string;
  /** Left out where empty. */
  readonly authority: string;
  readonly path: string;
  readonly headers: HeaderList;
  /** Each is sent on its own. */
  readonly pieces: readonly Buffer[];
  /** The length is not told in advance. */
  readonly streamed: boolean;
  readonly trailers: HeaderList;
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
  /** `undefined` where the stream ended without a whole answer. */
  exchange(request: ClientRequest): Promise<ClientResponse | undefined>;
  close(): void;
}

/** So that pieces of a body do not arrive together; milliseconds. */
const BETWEEN_PIECES = 5;

/** Hands over the pieces one by one, with a pause between them. */
export async function sendPieces(pieces: readonly Buffer[], send: (piece: Buffer, last: boolean) => void): Promise<void> {
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await new Promise((resolve) => setTimeout(resolve, BETWEEN_PIECES));
    send(piece, index === pieces.length - 1);
  }
}

import type { XdsError } from "./error.ts";

/** Where the responses of one stream go: one call of gRPC. Owned by the transport. */
export interface Sink {
  /**
   * Sends a message that consists of two parts. `sent` is called when the transport holds it no more; until then it counts as in flight. A message that
   * cannot be sent any more may be dropped; then the transport closes the stream.
   */
  send(body: Uint8Array, nonce: Uint8Array, sent: () => void): void;
  /** Ends the stream from our side; without an error with the status OK. */
  end(error: XdsError | undefined): void;
}

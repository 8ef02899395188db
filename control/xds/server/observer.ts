import type { XdsError } from "./error.ts";
import type { StreamStatus } from "./status.ts";

/** A response on its way to one client. */
export interface SentEvent {
  readonly stream: number;
  readonly proxy: string;
  readonly typeUrl: string;
  readonly nonce: string;
  readonly version: string;
  /** Bytes of the message. */
  readonly bytes: number;
  readonly resources: number;
  readonly removed: number;
  /** Whether a change caused it; else it answers a request. */
  readonly pushed: boolean;
}

/** The client's answer to a response. */
export interface AnswerEvent {
  readonly stream: number;
  readonly proxy: string;
  readonly typeUrl: string;
  readonly nonce: string;
  readonly version: string;
  /** Milliseconds from the sending to the answer. */
  readonly sinceSent: number;
  /** Milliseconds from the earliest change in it to the answer; `undefined` where it answered a request. */
  readonly sinceChange: number | undefined;
}

export interface RefusalEvent extends AnswerEvent {
  /** As the client gave it, at most 8 KiB. */
  readonly reason: string;
  /** The resources that the reason names; all of the response where it names none. */
  readonly resources: readonly string[];
}

/** What metrics and logs hear of. Every member is called synchronously and must not throw. */
export interface Observer {
  /** A client is known by now. */
  connected?(status: StreamStatus): void;
  /** A stream ended: by the client (`undefined`) or by us. `proxy` is empty where it ended before it was known. */
  disconnected?(event: { readonly stream: number; readonly proxy: string; readonly error: XdsError | undefined }): void;
  received?(event: { readonly stream: number; readonly proxy: string; readonly typeUrl: string; readonly bytes: number }): void;
  sent?(event: SentEvent): void;
  accepted?(event: AnswerEvent): void;
  refused?(event: RefusalEvent): void;
  /** The stream has everything, and the client has answered everything. */
  settled?(event: { readonly stream: number; readonly proxy: string }): void;
}

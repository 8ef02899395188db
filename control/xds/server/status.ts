import type { ClientIdentity } from "./call.ts";
import type { Clock } from "./clock.ts";
import type { Variant } from "./request.ts";
import type { Watch, Refusal } from "./watch.ts";

/**
 * As `istioctl proxy-status` says it. `SYNCED`: the client has accepted the latest; `STALE`: something is to be sent, or has no answer yet; `NACK`: it
 * has answered everything and refuses some; `NOT SENT`: it never asked for this type.
 */
export type SyncState = "SYNCED" | "STALE" | "NACK" | "NOT SENT";

/** Times are milliseconds since 1970. */
export interface TypeStatus {
  readonly typeUrl: string;
  readonly state: SyncState;
  readonly wildcard: boolean;
  /** Names that are subscribed to beside the wildcard. */
  readonly names: number;
  readonly sent: { readonly version: string; readonly nonce: string; readonly at: number } | undefined;
  readonly accepted: { readonly version: string; readonly nonce: string; readonly at: number } | undefined;
  /** Resources whose last version the client refused, with its reason. */
  readonly refused: readonly Refusal[];
  /** Responses without an answer. */
  readonly unanswered: number;
  /** Resources that are waiting to be sent. */
  readonly waiting: number;
}

export interface StreamStatus {
  /** Unique in this process. */
  readonly stream: number;
  /** The id under which `onConnect` knows the proxy; several streams may have the same. */
  readonly proxy: string;
  /** The node as it introduced itself, encoded. */
  readonly node: Uint8Array;
  readonly variant: Variant;
  /** The only type of the stream; `undefined` where it is aggregated. */
  readonly service: string | undefined;
  /** The client's address as the transport knows it. */
  readonly peer: string;
  /** Undefined where it has proved nothing. */
  readonly identity: ClientIdentity | undefined;
  readonly connectedAt: number;
  /** The version of the snapshot that the stream gets. */
  readonly version: string;
  /** In the order of pushes; every type that the server serves. */
  readonly types: readonly TypeStatus[];
}

/** @param clock tells the dates of what happened */
export function statusOf(typeUrl: string, watch: Watch | undefined, clock: Clock): TypeStatus {
  if (watch === undefined) {
    const nothing = { sent: undefined, accepted: undefined, refused: [], unanswered: 0, waiting: 0 };
    return { typeUrl, state: "NOT SENT", wildcard: false, names: 0, ...nothing };
  }
  const { lastSent: last, lastAccepted: accepted } = watch;
  return {
    typeUrl,
    state: stateOf(watch),
    wildcard: watch.wildcard,
    names: watch.names.size,
    sent: last === undefined ? undefined : { version: last.contents.version, nonce: last.nonce, at: clock.dateOf(last.at) },
    accepted: accepted === undefined ? undefined : { ...accepted, at: clock.dateOf(accepted.at) },
    refused: Array.from(watch.refused.values(), (refusal) => ({ ...refusal, since: clock.dateOf(refusal.since) })),
    unanswered: watch.unanswered.length,
    waiting: watch.changed.size + watch.asked.size + (watch.whole === undefined ? 0 : 1),
  };
}

function stateOf(watch: Watch): SyncState {
  if (!watch.idle || watch.unanswered.length > 0) return "STALE";
  return watch.refused.size > 0 ? "NACK" : "SYNCED";
}

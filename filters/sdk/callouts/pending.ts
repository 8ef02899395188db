import { proxy_set_effective_context } from "../abi/hostcalls";
import { IdTable } from "../contexts/id-table";
import { Root } from "../contexts/root";
import { Stream } from "../contexts/stream";
import { beginEpoch } from "../hostcalls/epoch";
import { Callout } from "./callout";

/** Callouts of a VM that are outstanding at most; one more is refused as if its cluster had no host. */
const PENDING_LIMIT: i32 = 65_536;

const pending: IdTable<Callout> = new IdTable<Callout>(PENDING_LIMIT);

/** Remembers a callout under the token that the host gave. */
export function track(callout: Callout, token: u32, stream: Stream | null, sender: Root): bool {
  if (callout.token != 0) pending.delete(callout.token);
  callout.token = 0;
  if (!pending.set(token, callout)) return false;
  callout.token = token;
  callout.stream = stream;
  callout.streamId = stream != null ? stream.contextId : 0;
  callout.sender = sender;
  return true;
}

/**
 * The callout of `token`, with its stream as the effective context; `null` where nobody waits for it any more: its stream has ended, or the
 * token is unknown (Envoy delivers the end of a gRPC call that it refused to start).
 */
export function receive(token: u32): Callout | null {
  const callout = pending.get(token);
  if (callout == null) return null;
  const stream = callout.stream;
  if (stream == null) {
    const sender = callout.sender;
    if (sender != null) proxy_set_effective_context(sender.contextId);
    beginEpoch();
    return callout;
  }
  // The object of an ended stream may serve another one already: the id tells.
  if (stream.contextId != callout.streamId || stream.hasEnded || !stream.enter()) {
    settle(token, callout);
    return null;
  }
  return callout;
}

/** Forgets a token whose last answer came. */
export function settle(token: u32, callout: Callout): void {
  pending.delete(token);
  if (callout.token == token) callout.token = 0;
}

import { enter, findStream, leave } from "../contexts/callbacks";
import { roots } from "../contexts/registry";
import { StreamState } from "../contexts/stream";

/** Answers 1: a stream or root that wanted to live on would have to call `proxy_done`, and nothing here needs that. */
export function proxy_on_done(contextId: u32): u32 {
  enter();
  const stream = roots.get(contextId) == null ? findStream(contextId) : null;
  if (stream != null) {
    stream.state |= StreamState.Ended;
    stream.onDone();
  }
  leave();
  return 1;
}

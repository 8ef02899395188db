import { enter, findStream, leave } from "../contexts/callbacks";
import { StreamState } from "../contexts/stream";

export function proxy_on_log(contextId: u32): void {
  enter();
  const stream = findStream(contextId);
  if (stream != null) {
    stream.state |= StreamState.Ended;
    stream.onLog();
  }
  leave();
}

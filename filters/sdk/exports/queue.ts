import { enter, leave } from "../contexts/callbacks";
import { roots } from "../contexts/registry";

export function proxy_on_queue_ready(rootContextId: u32, queueId: u32): void {
  enter();
  const root = roots.get(rootContextId);
  if (root != null) root.onQueueReady(queueId);
  leave();
}

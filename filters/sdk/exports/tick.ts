import { enter, leave } from "../contexts/callbacks";
import { roots } from "../contexts/registry";

export function proxy_on_tick(rootContextId: u32): void {
  enter();
  const root = roots.get(rootContextId);
  if (root != null) root.timers.fire();
  leave();
}

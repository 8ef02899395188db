import { enter, leave } from "../contexts/callbacks";
import { onSupersede } from "../contexts/stateless";
import { handOverTicks, onTick } from "../contexts/ticks";

onSupersede(handOverTicks);

export function proxy_on_tick(rootContextId: u32): void {
  enter();
  onTick(rootContextId);
  leave();
}

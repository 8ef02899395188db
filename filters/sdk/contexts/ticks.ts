import { proxy_set_effective_context } from "../abi/hostcalls";
import { roots } from "./registry";
import { Root } from "./root";
import { live } from "./stateless";

export function onTick(contextId: u32): void {
  const root = roots.get(contextId);
  if (root == null) return;
  root.timers.fire();
  for (let i = 0; i < live.length; i++) {
    const other = live[i];
    if (other === root || !succeeds(root, other) || proxy_set_effective_context(other.contextId) != 0) continue;
    other.timers.fire();
  }
}

/**
 * Envoy's timer of a root context outlives it, for as long as its VM does: it must be switched off while the context is there. A module without per-stream state is not told when it
 * goes, so that the ticks of a root that another one takes the place of come from that one, if it has any.
 */
export function handOverTicks(superseded: Root, root: Root): void {
  if (root.timers.isTicking && proxy_set_effective_context(superseded.contextId) == 0) superseded.timers.handOver();
}

function succeeds(root: Root, other: Root): bool {
  return other.timers.isHandedOver && other.pluginName.bytes.equals(root.pluginName.bytes);
}

import { readProperty } from "../hostcalls/property";
import { Bytes } from "../../lib/bytes";
import { Root } from "./root";
import { Stream } from "./stream";

/** Streams whose root is remembered: the newest this many of the VM. */
const REMEMBERED: u32 = 4_096;
const SLOT: usize = 8;
const RING_SIZE: usize = <usize>REMEMBERED * SLOT;
/** Superseded roots of one plugin that are kept for streams begun before. */
const SUPERSEDED_LIMIT: i32 = 8;

const PLUGIN_NAME = Bytes.of("plugin_name");

/** Every root that took its configuration and is not forgotten, the newest last. */
const live: Array<Root> = new Array<Root>();

/**
 * Which root a stream belongs to, where the module keeps nothing per stream and so is not told when one ends: that call would cost as much as
 * a header callback. The newest {@link REMEMBERED} streams stand in a ring by context id; one older than that goes to the newest
 * root of its plugin, so that only a long stream that outlived both a configuration update and 4,096 others sees the update.
 *
 * ```
 * (u32 context id, root) * REMEMBERED
 * ```
 *
 * Made for the first stream: a VM that sees none, Envoy's main thread's say, has no memory for it. The garbage collector does not look here: a root is held
 * by {@link live}, or by the registry, which the host has forget it only behind its last stream.
 */
let ring: usize = 0;

export function rememberRoot(root: Root): void {
  live.push(root);
  let superseded = 0;
  for (let i = live.length - 2; i >= 0; i--) {
    if (!live[i].pluginName.bytes.equals(root.pluginName.bytes)) continue;
    if (++superseded > SUPERSEDED_LIMIT) {
      forgetRoot(live[i]);
      return;
    }
  }
}

function forgetRoot(root: Root): void {
  live.splice(live.indexOf(root), 1);
  if (ring == 0) return;
  for (let slot = ring; slot < ring + RING_SIZE; slot += SLOT) {
    if (load<usize>(slot, 4) == changetype<usize>(root)) store<usize>(slot, 0, 4);
  }
}

// @ts-ignore: decorator
@inline
function slotOf(contextId: u32): usize {
  return ring + <usize>(contextId & (REMEMBERED - 1)) * SLOT;
}

function makeRing(): void {
  ring = heap.alloc(RING_SIZE);
  memory.fill(ring, 0, RING_SIZE);
}

// @ts-ignore: decorator
@inline
export function rememberStream(contextId: u32, root: Root | null): void {
  if (ring == 0) makeRing();
  const slot = slotOf(contextId);
  store<u32>(slot, contextId);
  store<usize>(slot, changetype<usize>(root), 4);
}

// @ts-ignore: decorator
@inline
export function statelessStream(contextId: u32): Stream | null {
  if (ring != 0) {
    const slot = slotOf(contextId);
    const root = changetype<Root | null>(load<usize>(slot, 4));
    if (load<u32>(slot) == contextId && root != null) return root.acquireShared();
  }
  const newest = newestRoot();
  return newest != null ? newest.acquireShared() : null;
}

function newestRoot(): Root | null {
  const name = readProperty(PLUGIN_NAME);
  for (let i = live.length - 1; i >= 0; i--) {
    if (name == null || live[i].pluginName.bytes.equals(name)) return live[i];
  }
  return null;
}

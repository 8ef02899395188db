import { proxy_set_effective_context } from "../abi/hostcalls";
import { readProperty } from "../hostcalls/property";
import { Bytes } from "../../lib/bytes";
import { beginEpoch } from "../hostcalls/epoch";
import { roots, STREAM_LIMIT, streams } from "./registry";
import { Root } from "./root";
import { Stream, StreamState } from "./stream";

/** Streams whose root is remembered: the newest this many of the VM. */
const REMEMBERED: u32 = 4_096;
const SLOT: usize = 8;
const RING_SIZE: usize = <usize>REMEMBERED * SLOT;

/** Of fewer held streams it is not asked whether they are still there. */
const FEW: i32 = 256;

const PLUGIN_NAME = Bytes.of("plugin_name");

/** Every root that took its configuration and that the host still has, the newest last. */
export const live: Array<Root> = new Array<Root>();

/**
 * Which root a stream belongs to, where the module keeps nothing per stream and so is not told when one ends: that call would cost as much as
 * a header callback. The newest {@link REMEMBERED} streams stand in a ring by context id; one older than that goes to the newest
 * root of its plugin, so that only a long stream that outlived both a configuration update and 4,096 others sees the update.
 *
 * ```
 * (u32 context id, root) * REMEMBERED
 * ```
 *
 * Made for the first stream: a VM that sees none, Envoy's main thread's say, has no memory for it. The garbage collector does not look here: a root is held by {@link live}, and has no stream left when it no longer is.
 */
let ring: usize = 0;

let supersede: ((superseded: Root, root: Root) => void) | null = null;

/** Has a function told of each root that the host still has while another of its plugin takes its place. */
export function onSupersede(told: (superseded: Root, root: Root) => void): void {
  supersede = told;
}

export function rememberRoot(root: Root): void {
  const told = supersede;
  for (let i = 0; told != null && i < live.length; i++) {
    if (live[i].pluginName.bytes.equals(root.pluginName.bytes)) told(live[i], root);
  }
  live.push(root);
}

/**
 * Ends the roots that the host has deleted, of which it does not tell such a module either: it is asked before each configuration, and each time that the ring
 * has gone around. For the end of a callback: hostcalls act on another context afterwards. Returns whether there were any.
 */
export function forgetDeleted(): bool {
  const known = live.length;
  for (let i = known - 1; i >= 0; i--) {
    const root = live[i];
    if (proxy_set_effective_context(root.contextId) == 0) continue;
    live.splice(i, 1);
    roots.delete(root.contextId);
    root.timers.abandon();
    root.onDelete();
  }
  return live.length < known;
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

/** Returns whether roots were ended, so that there is garbage. */
// @ts-ignore: decorator
@inline
export function rememberStream(contextId: u32, root: Root | null): bool {
  if (ring == 0) makeRing();
  const slot = slotOf(contextId);
  store<u32>(slot, contextId);
  store<usize>(slot, changetype<usize>(root), 4);
  return slot == ring && live.length > 1 && forgetDeleted();
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

/** How many more may be held before those are looked for that have left. */
let allowance: i32 = FEW;

/** An object for the stream that `shared` serves now, alone; `null` where too many have one. */
export function holdStream(shared: Stream): Stream | null {
  if (--allowance == 0) {
    endLeft();
    proxy_set_effective_context(shared.contextId);
    beginEpoch();
    // So seldom that it is a few questions for each stream, and 256 for each where there is no room for more.
    allowance = max(FEW, min(streams.size, (STREAM_LIMIT - streams.size) / 2));
  }
  const root = shared.root;
  const own = root.acquire(shared.contextId);
  if (!streams.set(shared.contextId, own)) {
    root.release(own);
    return null;
  }
  own.state = StreamState.Held;
  return own;
}

/** Ends the held streams that the host no longer has: their clients have left. */
function endLeft(): void {
  for (let slot = 0; slot < streams.slots;) {
    const own = streams.at(slot);
    if (own != null && !own.enter()) {
      own.end();
      endHold(own);
    } else {
      slot++;
    }
  }
}

/** Takes back what {@link holdStream} gave. */
export function endHold(own: Stream): void {
  own.state = StreamState.None;
  streams.delete(own.contextId);
  own.root.release(own);
}

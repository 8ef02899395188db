import { Status } from "../abi/enums";
import { proxy_set_effective_context } from "../abi/hostcalls";
import { beginEpoch } from "../hostcalls/epoch";
import { IdTable } from "./id-table";
import { roots, STREAM_LIMIT, streams } from "./registry";
import { Root } from "./root";
import { Stream, StreamState } from "./stream";

// Which root a stream belongs to, where the module keeps nothing per stream and so is not told when a context ends: that call would cost as much as a header
// callback. The host is asked instead, now and then, which contexts it still has.

/** After fewer streams it is not asked. */
const FEW: i32 = 256;

const NOBODY: u32 = u32.MAX_VALUE;

/** Every root that took its configuration and that the host still had when it was asked last. */
const live: Array<Root> = new Array<Root>();
/** The root of every stream that {@link begun} does not have: the only one there was when they began. */
let sole: Root | null = null;
/** The roots of streams that began beside more than one. Also of some that have ended. */
let begun: IdTable<Root> = new IdTable<Root>(STREAM_LIMIT);
/** The context of {@link sole} while it is the only one that is live; otherwise nobody's. */
let soleId: u32 = NOBODY;
/** The object that serves every stream while none is held and {@link begun} is empty, as it nearly always is; `null` where that is to be found out. */
let ofAll: Stream | null = null;
/** How many streams may come before the host is asked about those of {@link begun}, and how many may be held before it is about those that are. */
let mayBegin: i32 = FEW;
let mayBeHeld: i32 = FEW;

export function rememberRoot(root: Root): void {
  live.push(root);
  if (live.length == 1) sole = root;
  findSoleId();
}

/**
 * Ends the roots that the host has deleted. For the end of a callback: hostcalls act on another context afterwards. Returns whether there were any, so that there is garbage.
 */
export function forgetDeleted(): bool {
  const known = live.length;
  for (let i = known - 1; i >= 0; i--) {
    const root = live[i];
    if (!isDeleted(root.contextId)) continue;
    live.splice(i, 1);
    roots.delete(root.contextId);
    if (sole === root) sole = null;
    root.timers.abandon();
    root.onDelete();
  }
  if (live.length == known) return false;
  ofAll = null;
  if (live.length <= 1) {
    sole = live.length == 1 ? live[0] : null;
    begun = new IdTable<Root>(STREAM_LIMIT);
    mayBegin = FEW;
  }
  findSoleId();
  return true;
}

/** Whether the host says so: any other failure is none of the context's. */
function isDeleted(contextId: u32): bool {
  return proxy_set_effective_context(contextId) == Status.BadArgument;
}

function findSoleId(): void {
  soleId = live.length == 1 ? live[0].contextId : NOBODY;
}

/** Whether nothing need be remembered of a stream of this root context. */
// @ts-ignore: decorator
@inline
export function isSole(rootId: u32): bool {
  return rootId == soleId;
}

/** `root`: `null` where none took the stream's configuration. For the end of a callback, and returns the same, as {@link forgetDeleted}. */
export function rememberStream(contextId: u32, root: Root | null): bool {
  ofAll = null;
  // From here on, who is not among them may be one that there was no room for.
  if (root == null || !begun.set(contextId, root)) sole = null;
  if (--mayBegin > 0) return false;
  const areEnded = forgetDeleted();
  for (let slot = 0; slot < begun.slots;) {
    const id = begun.idAt(slot);
    if (id != 0 && isDeleted(id)) begun.delete(id);
    else slot++;
  }
  mayBegin = allowance(begun.size);
  return areEnded;
}

/** The object that serves this stream: its own where it is held, or else one that serves others too; `null` where its root is not known. */
// @ts-ignore: decorator
@inline
export function statelessStream(contextId: u32): Stream | null {
  const stream = ofAll;
  return stream != null ? stream : search(contextId);
}

function search(contextId: u32): Stream | null {
  const held = streams.get(contextId);
  if (held != null) return held;
  let root = begun.get(contextId);
  if (root == null) root = sole;
  if (root == null) return null;
  const stream = root.acquireShared();
  if (streams.size == 0 && begun.size == 0) ofAll = stream;
  return stream;
}

/** An object for the stream that `shared` serves now, alone; `null` where too many have one. */
export function holdStream(shared: Stream): Stream | null {
  ofAll = null;
  if (--mayBeHeld == 0) {
    endLeft();
    proxy_set_effective_context(shared.contextId);
    beginEpoch();
    mayBeHeld = allowance(streams.size);
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
    if (own != null && isDeleted(own.contextId)) {
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

/** How many more there may be before the host is asked about `size` of them: so seldom that it is a few questions for each, and 256 for each where there is no room for more. */
function allowance(size: i32): i32 {
  return max(FEW, min(size, (STREAM_LIMIT - size) / 2));
}

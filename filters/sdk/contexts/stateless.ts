import { readProperty } from "../hostcalls/property";
import { Bytes } from "../../lib/bytes";
import { Root } from "./root";
import { Stream } from "./stream";

/** Streams whose root is remembered: the newest this many of the VM. */
const REMEMBERED: i32 = 4_096;
/** Superseded roots of one plugin that are kept for streams begun before. */
const SUPERSEDED_LIMIT: i32 = 8;

const PLUGIN_NAME = Bytes.of("plugin_name");

/**
 * Which root a stream belongs to, where the module keeps nothing per stream and so is not told when one ends: that call would cost as much as
 * a header callback. The newest {@link REMEMBERED} streams stand in a ring by context id; one older than that goes to the newest
 * root of its plugin, so that only a long stream that outlived both a configuration update and 4,096 others sees the update.
 */
const ids: StaticArray<u32> = new StaticArray<u32>(REMEMBERED);
const owners: StaticArray<Root | null> = new StaticArray<Root | null>(REMEMBERED);
const live: Array<Root> = new Array<Root>();

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
  for (let i = 0; i < REMEMBERED; i++) {
    if (owners[i] === root) owners[i] = null;
  }
}

// @ts-ignore: decorator
@inline
export function rememberStream(contextId: u32, root: Root | null): void {
  const slot = contextId & (REMEMBERED - 1);
  unchecked((ids[slot] = contextId));
  unchecked((owners[slot] = root));
}

// @ts-ignore: decorator
@inline
export function statelessStream(contextId: u32): Stream | null {
  const slot = contextId & (REMEMBERED - 1);
  const root = unchecked(owners[slot]);
  if (unchecked(ids[slot]) == contextId && root != null) return root.acquireShared();
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

import { HeaderMap } from "../sdk";
import { HeaderOperations } from "./rule";

/** Removes, sets, then adds. */
export function applyHeaders(operations: HeaderOperations, headers: HeaderMap): void {
  const removed = operations.remove;
  for (let i = 0; i < removed.length; i++) headers.remove(unchecked(removed[i]).bytes);
  const set = operations.set;
  for (let i = 0; i < set.length; i++) headers.set(unchecked(set[i]).name.bytes, unchecked(set[i]).value.bytes);
  const added = operations.add;
  for (let i = 0; i < added.length; i++) headers.add(unchecked(added[i]).name.bytes, unchecked(added[i]).value.bytes);
}

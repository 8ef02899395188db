import { HeaderMap } from "../sdk";
import { HeaderOperations } from "./rule";

/** Removes, sets, then adds; null changes nothing. */
export function applyHeaders(operations: HeaderOperations | null, headers: HeaderMap): void {
  if (operations == null) return;
  const removed = operations.remove;
  for (let i = 0; i < removed.length; i++) headers.remove(unchecked(removed[i]).bytes);
  const set = operations.set;
  for (let i = 0; i < set.length; i++) headers.set(unchecked(set[i]).name.bytes, unchecked(set[i]).value.bytes);
  const added = operations.add;
  for (let i = 0; i < added.length; i++) headers.add(unchecked(added[i]).name.bytes, unchecked(added[i]).value.bytes);
}

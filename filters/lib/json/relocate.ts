import { JsonValue } from "./value";

/**
 * Makes good what `value` and all below it say of places, after the memory that they and their source stand in was copied to where it is `by` bytes further on: for
 * whoever keeps them longer than the arena. `value` is the copy.
 */
export function relocate(value: JsonValue, by: usize): void {
  value.textPointer += by;
  value.keyPointer += by;
  let child = value.first;
  if (child == null) return;
  child = moved(child, by);
  value.first = child;
  while (true) {
    relocate(child, by);
    const next = child.next;
    if (next == null) return;
    child.next = moved(next, by);
    child = moved(next, by);
  }
}

// @ts-ignore: decorator
@inline
function moved(value: JsonValue, by: usize): JsonValue {
  return changetype<JsonValue>(changetype<usize>(value) + by);
}

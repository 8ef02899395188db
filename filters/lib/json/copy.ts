import { Bytes, copyBytes } from "../bytes";
import { JsonValue } from "./value";

const NODE: usize = (offsetof<JsonValue>() + 7) & ~7;

let at: usize = 0;
let sourceStart: usize = 0;
let sourceEnd: usize = 0;
let shift: usize = 0;

/** Bytes that {@link copyValue} takes for `value`, an object or a list. */
export function sizeOfCopy(value: JsonValue): usize {
  sourceStart = value.textPointer;
  sourceEnd = value.textPointer + <usize>value.textLength;
  return sizeOf(value);
}

/**
 * Copies `value`, an object or a list, and all below it to `to`, for whoever keeps them longer than the arena. What stands in the text of `value` is then found in
 * `text`, a copy of it; what had to be decoded is copied too.
 */
export function copyValue(value: JsonValue, to: usize, text: Bytes): void {
  at = to;
  sourceStart = value.textPointer;
  sourceEnd = value.textPointer + <usize>value.textLength;
  shift = text.pointer - value.textPointer;
  copy(value);
}

function sizeOf(value: JsonValue): usize {
  let size = NODE + roomFor(value.textPointer, value.textLength) + roomFor(value.keyPointer, value.keyLength);
  let child = value.first;
  while (child != null) {
    size += sizeOf(child);
    child = child.next;
  }
  return size;
}

function copy(value: JsonValue): JsonValue {
  const made = changetype<JsonValue>(at);
  copyBytes(at, changetype<usize>(value), offsetof<JsonValue>());
  at += NODE;
  made.textPointer = moved(value.textPointer, value.textLength);
  made.keyPointer = moved(value.keyPointer, value.keyLength);
  let child = value.first;
  let last: JsonValue | null = null;
  while (child != null) {
    const next = copy(child);
    if (last == null) made.first = next;
    else last.next = next;
    last = next;
    child = child.next;
  }
  return made;
}

/** 0 for what stands in the source, and for the key of what is no member. */
function roomFor(pointer: usize, length: i32): usize {
  return length <= 0 || (pointer >= sourceStart && pointer < sourceEnd) ? 0 : (<usize>length + 7) & ~7;
}

function moved(pointer: usize, length: i32): usize {
  const room = roomFor(pointer, length);
  if (room == 0) return pointer + shift;
  const decoded = at;
  copyBytes(decoded, pointer, <usize>length);
  at += room;
  return decoded;
}

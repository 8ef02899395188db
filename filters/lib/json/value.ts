import { Bytes, sameBytes } from "../bytes";

export const enum JsonKind {
  Null = 0,
  False = 1,
  True = 2,
  Number = 3,
  String = 4,
  Array = 5,
  Object = 6,
}

/**
 * One value of a document, in the arena. Children hang in a list: `first`, then `next` of each.
 *
 * `text` of a string is decoded; of a number it is as written; of others it is the whole of it in the source.
 */
@unmanaged
@final
export class JsonValue {
  kind: JsonKind;
  /** Offset of its first byte in the source. */
  start: i32;
  /** Offset after its last byte. */
  end: i32;
  textPointer: usize;
  textLength: i32;
  /** Of a member of an object; length -1 elsewhere. */
  keyPointer: usize;
  keyLength: i32;
  /** Offset of the key. */
  keyStart: i32;
  first: JsonValue | null;
  next: JsonValue | null;
  /** How many children. */
  size: i32;

  get text(): Bytes {
    return Bytes.view(this.textPointer, this.textLength);
  }

  get key(): Bytes {
    return Bytes.view(this.keyPointer, this.keyLength);
  }

  /** The member of that name, or `null`. */
  member(name: Bytes): JsonValue | null {
    return this.kind == JsonKind.Object ? this.find(name.pointer, name.length) : null;
  }

  /** @internal The same of an object. */
  find(pointer: usize, length: i32): JsonValue | null {
    let child = this.first;
    while (child != null) {
      if (child.keyLength == length && sameBytes(child.keyPointer, pointer, <usize>length)) break;
      child = child.next;
    }
    return child;
  }
}

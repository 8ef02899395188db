import { arena, Bytes } from "../bytes";
import { JsonDocument, JsonKind, JsonValue, relocate } from ".";

// Flat functions for json.test.ts.

let document: JsonDocument | null = null;
let output: usize = 0;
let outputLength: i32 = 0;

/** 0, or the error. */
export function parse(pointer: usize, length: i32, maxSize: i32, maxDepth: i32): i32 {
  arena.reset();
  const parsed = JsonDocument.parse(Bytes.view(pointer, length), maxSize, maxDepth);
  document = parsed;
  return parsed.error;
}

export function errorOffset(): i32 {
  return document != null ? (document as JsonDocument).offset : -1;
}

/** Puts a copy of the source and the values in the document's place, in memory of its own, and wipes the arena. Whether they came to lie in one piece. */
export function copy(pointer: usize, length: i32): bool {
  arena.reset();
  const start = arena.allocate(<usize>length);
  memory.copy(start, pointer, <usize>length);
  const root = JsonDocument.parse(Bytes.view(start, length)).root;
  const end = arena.endOf(start);
  if (root == null || end == 0) return false;
  const place = heap.alloc(end - start);
  memory.copy(place, start, end - start);
  memory.fill(start, 0x7a, end - start);
  const copied = changetype<JsonDocument>(arena.allocate(offsetof<JsonDocument>()));
  copied.root = changetype<JsonValue>(changetype<usize>(root) + (place - start));
  relocate(changetype<JsonValue>(copied.root), place - start);
  document = copied;
  return true;
}

/** Writes the document again in one canonical form: kinds, decoded texts as hexadecimal. */
export function dump(): i32 {
  const root = document != null ? (document as JsonDocument).root : null;
  outputLength = 0;
  if (root == null) return 0;
  output = arena.allocate(1 << 22);
  write(root);
  return outputLength;
}

export function dumped(): usize {
  return output;
}

function write(value: JsonValue): void {
  put("nftdsao".charCodeAt(value.kind) as u8);
  if (value.kind == JsonKind.Number || value.kind == JsonKind.String) hex(value.text);
  if (value.kind == JsonKind.Array || value.kind == JsonKind.Object) {
    put(0x28);
    let child = value.first;
    while (child != null) {
      if (value.kind == JsonKind.Object) hex(child.key);
      write(child);
      child = child.next;
    }
    put(0x29);
  }
}

function hex(bytes: Bytes): void {
  for (let i = 0; i < bytes.length; i++) {
    put("0123456789abcdef".charCodeAt(bytes[i] >> 4) as u8);
    put("0123456789abcdef".charCodeAt(bytes[i] & 15) as u8);
  }
  put(0x2e);
}

function put(byte: u8): void {
  store<u8>(output + <usize>outputLength, byte);
  outputLength++;
}

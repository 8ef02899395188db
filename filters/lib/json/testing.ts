import { arena, Bytes } from "../bytes";
import { copyValue, sizeOfCopy, JsonDocument, JsonKind, JsonValue } from ".";

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

/** Puts a copy of the values in the document's place, in memory of its own, and wipes the arena. Whether it has the size that was told. */
export function copy(pointer: usize, length: i32): bool {
  arena.reset();
  const start = arena.allocate(0);
  const parsed = JsonDocument.parse(Bytes.view(pointer, length));
  document = parsed;
  const root = parsed.root;
  if (root == null) return false;
  const taken = <i32>(arena.allocate(0) - start);
  const text = heap.alloc(<usize>length);
  memory.copy(text, pointer, <usize>length);
  const size = sizeOfCopy(root);
  const place = heap.alloc(size + 1);
  store<u8>(place + size, 0x7b);
  // Of the root value alone: space around it is no part of it.
  const own = Bytes.view(text + <usize>root.start, root.end - root.start);
  copyValue(root, place, own);
  memory.fill(pointer, 0x7a, <usize>length);
  memory.fill(start, 0x7a, <usize>taken);
  const copied = changetype<JsonDocument>(arena.allocate(offsetof<JsonDocument>()));
  copied.root = changetype<JsonValue>(place);
  document = copied;
  return load<u8>(place + size) == 0x7b;
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

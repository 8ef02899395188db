import { arena, Bytes } from "../bytes";
import { JsonDocument, JsonKind, JsonValue } from ".";

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

import { arena, Bytes } from "../bytes";
import { ProtobufReader, ProtobufWriter, WireType } from ".";

// Flat functions for protobuf.test.ts.

function pack(bytes: Bytes): u64 {
  return ((<u64>bytes.pointer) << 32) | (<u64>bytes.length);
}

/** Reads a message and writes its fields anew, a fixed one as a varint; all ones where it is malformed. */
export function rewrite(pointer: usize, length: i32): u64 {
  arena.reset();
  const writer = ProtobufWriter.create(16);
  if (!copy(Bytes.view(pointer, length), writer)) return u64.MAX_VALUE;
  return pack(writer.written);
}

/** The last field goes first: what follows is written before it. */
function copy(message: Bytes, writer: ProtobufWriter): bool {
  const reader = ProtobufReader.over(message);
  let count = 0;
  while (reader.next()) count++;
  if (reader.malformed) return false;
  for (let wanted = count; wanted > 0; wanted--) {
    const again = ProtobufReader.over(message);
    for (let i = 0; i < wanted; i++) again.next();
    if (again.wireType == WireType.Length) writer.bytes(again.field, again.bytes);
    else writer.varint(again.field, again.value);
  }
  return true;
}

/** `depth` messages, one in the other, the innermost with the bytes as field 1 and `number` as field 2. */
export function nest(pointer: usize, length: i32, number: u64, depth: i32): u64 {
  arena.reset();
  const writer = ProtobufWriter.create(1);
  writer.varint(2, number);
  writer.bytes(1, Bytes.view(pointer, length));
  for (let i = 0; i < depth; i++) writer.message(3, 0);
  return pack(writer.written);
}

/** Whether the message can be read to its end. */
export function readable(pointer: usize, length: i32): bool {
  arena.reset();
  const reader = ProtobufReader.over(Bytes.view(pointer, length));
  while (reader.next()) {}
  return !reader.malformed;
}

/** The value of the first field. */
export function firstValue(pointer: usize, length: i32): u64 {
  arena.reset();
  const reader = ProtobufReader.over(Bytes.view(pointer, length));
  return reader.next() ? reader.value : 0;
}

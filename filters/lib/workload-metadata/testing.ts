import { arena, Bytes } from "../bytes";
import { decodeWorkloadMetadata, encodeWorkloadMetadata, WORKLOAD_FIELDS, WorkloadMetadata } from ".";

// Flat functions for workload-metadata.test.ts. The seven values stand in one text, with a tab behind each.

export function decode(pointer: usize, length: i32): u64 {
  arena.reset();
  const metadata = decodeWorkloadMetadata(Bytes.view(pointer, length));
  if (metadata == null) return u64.MAX_VALUE;
  const start = arena.allocate(<usize>(metadata.size + WORKLOAD_FIELDS));
  let at = start;
  for (let i = 0; i < WORKLOAD_FIELDS; i++) {
    const value = metadata.get(i);
    memory.copy(at, value.pointer, <usize>value.length);
    at += <usize>value.length;
    store<u8>(at++, 0x09);
  }
  return pack(Bytes.view(start, <i32>(at - start)));
}

export function encode(pointer: usize, length: i32, instance: usize, instanceLength: i32, owner: usize, ownerLength: i32): u64 {
  arena.reset();
  const text = Bytes.view(pointer, length);
  const values = new StaticArray<Bytes | null>(WORKLOAD_FIELDS);
  let start = 0;
  for (let i = 0; i < WORKLOAD_FIELDS; i++) {
    const end = text.indexOf(0x09, start);
    values[i] = text.slice(start, end);
    start = end + 1;
  }
  const workload = WorkloadMetadata.build(values);
  return pack(encodeWorkloadMetadata(workload, Bytes.view(instance, instanceLength), Bytes.view(owner, ownerLength)));
}

function pack(bytes: Bytes): u64 {
  return ((<u64>bytes.pointer) << 32) | (<u64>bytes.length);
}

import { encodeBase64 } from "../base64";
import { arena, Bytes, Text } from "../bytes";
import { WorkloadMetadata } from "./block";
import { WorkloadField } from "./fields";
import { APP, CANONICAL_NAME, CANONICAL_REVISION, CLUSTER_ID, LABELS, NAME, NAMESPACE, OWNER, VERSION, WORKLOAD_NAME } from "./names";

/** Tags of `Value.string_value` and `Value.struct_value`. */
const STRING_VALUE: u8 = 0x1a;
const STRUCT_VALUE: u8 = 0x2a;

/** What an entry takes besides key and value: three tags, and four lengths of at most three bytes. */
const ENTRY_OVERHEAD: i32 = 16;

/**
 * The value of `x-envoy-peer-metadata` for a workload, as Istio's proxies write it: keys sorted, values that are not known left out, base64 with
 * padding. `instance` is the proxy's own name (`NAME`) and `owner` the workload's (`OWNER`). In the arena.
 */
export function encodeWorkloadMetadata(workload: WorkloadMetadata, instance: Bytes, owner: Bytes): Bytes {
  const start = arena.allocate(<usize>(workload.size + instance.length + owner.length + 400));
  let at = entry(start, CLUSTER_ID, STRING_VALUE, workload.get(WorkloadField.Cluster));
  at = entry(at, LABELS, STRUCT_VALUE, labelsOf(workload));
  at = entry(at, NAME, STRING_VALUE, instance);
  at = entry(at, NAMESPACE, STRING_VALUE, workload.get(WorkloadField.Namespace));
  at = entry(at, OWNER, STRING_VALUE, owner);
  at = entry(at, WORKLOAD_NAME, STRING_VALUE, workload.get(WorkloadField.Name));
  return encodeBase64(Bytes.view(start, <i32>(at - start)));
}

function labelsOf(workload: WorkloadMetadata): Bytes {
  const start = arena.allocate(<usize>(workload.size + 4 * (ENTRY_OVERHEAD + CANONICAL_REVISION.bytes.length)));
  let at = entry(start, APP, STRING_VALUE, workload.get(WorkloadField.App));
  at = entry(at, CANONICAL_NAME, STRING_VALUE, workload.get(WorkloadField.CanonicalName));
  at = entry(at, CANONICAL_REVISION, STRING_VALUE, workload.get(WorkloadField.CanonicalRevision));
  at = entry(at, VERSION, STRING_VALUE, workload.get(WorkloadField.Version));
  return Bytes.view(start, <i32>(at - start));
}

/** Writes an entry of a struct at `at` and returns its end; nothing for an empty value. */
function entry(at: usize, key: Text, tag: u8, content: Bytes): usize {
  if (content.length == 0) return at;
  const value = 1 + sizeOfVarint(content.length) + content.length;
  const name = key.bytes;
  at = tagged(at, 0x0a, 1 + sizeOfVarint(name.length) + name.length + 1 + sizeOfVarint(value) + value);
  at = tagged(at, 0x0a, name.length);
  memory.copy(at, name.pointer, <usize>name.length);
  at = tagged(at + <usize>name.length, 0x12, value);
  at = tagged(at, tag, content.length);
  memory.copy(at, content.pointer, <usize>content.length);
  return at + <usize>content.length;
}

function tagged(at: usize, tag: u8, length: i32): usize {
  store<u8>(at++, tag);
  let rest = <u32>length;
  for (; rest >= 0x80; rest >>= 7) store<u8>(at++, (<u8>rest) | 0x80);
  store<u8>(at++, <u8>rest);
  return at;
}

function sizeOfVarint(value: i32): i32 {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3;
}

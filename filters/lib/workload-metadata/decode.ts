import { Base64Padding, decodeBase64 } from "../base64";
import { Bytes, Text } from "../bytes";
import { WorkloadMetadata } from "./block";
import { WORKLOAD_FIELDS, WorkloadField } from "./fields";
import { MessageReader } from "./message-reader";
import { APP, CANONICAL_NAME, CANONICAL_REVISION, CLUSTER_ID, LABELS, NAMESPACE, VERSION, WORKLOAD_NAME } from "./names";

/** Characters of a header at most. Istio's own are 300 to 600, more with labels that users added. */
export const MAX_HEADER: i32 = 8_192;

// google.protobuf.Struct: { repeated Entry fields = 1 }, Entry { string key = 1; Value value = 2 }, and of Value:
const STRING_VALUE: u32 = 3;
const STRUCT_VALUE: u32 = 5;

const values: StaticArray<Bytes | null> = new StaticArray<Bytes | null>(WORKLOAD_FIELDS);

/**
 * What `x-envoy-peer-metadata` says: base64, padded or not, of a `google.protobuf.Struct`. Fields that it does not need are stepped over; of a key
 * that stands twice the last one counts. In the arena; null where it is longer than {@link MAX_HEADER} or no such thing.
 */
export function decodeWorkloadMetadata(header: Bytes): WorkloadMetadata | null {
  if (header.length > MAX_HEADER) return null;
  const bytes = decodeBase64(header, Base64Padding.Optional);
  if (bytes == null) return null;
  for (let i = 0; i < WORKLOAD_FIELDS; i++) values[i] = null;
  return readStruct(bytes, false) ? WorkloadMetadata.build(values) : null;
}

function readStruct(struct: Bytes, isLabels: bool): bool {
  const entries = MessageReader.over(struct);
  while (entries.next()) {
    if (entries.field != 1) continue;
    const entry = MessageReader.over(entries.content);
    let key = Bytes.empty();
    let value = Bytes.empty();
    while (entry.next()) {
      if (entry.field == 1) key = entry.content;
      else if (entry.field == 2) value = entry.content;
    }
    if (entry.broken || !(isLabels ? readLabel(key, value) : readField(key, value))) return false;
  }
  return !entries.broken;
}

/** False where `value` is no `Value`. */
function readField(key: Bytes, value: Bytes): bool {
  if (is(key, WORKLOAD_NAME)) return readString(value, WorkloadField.Name);
  if (is(key, NAMESPACE)) return readString(value, WorkloadField.Namespace);
  if (is(key, CLUSTER_ID)) return readString(value, WorkloadField.Cluster);
  if (!is(key, LABELS)) return true;
  const reader = MessageReader.over(value);
  while (reader.next()) {
    if (reader.field == STRUCT_VALUE && !readStruct(reader.content, true)) return false;
  }
  return !reader.broken;
}

function readLabel(key: Bytes, value: Bytes): bool {
  if (is(key, CANONICAL_NAME)) return readString(value, WorkloadField.CanonicalName);
  if (is(key, CANONICAL_REVISION)) return readString(value, WorkloadField.CanonicalRevision);
  if (is(key, APP)) return readString(value, WorkloadField.App);
  if (is(key, VERSION)) return readString(value, WorkloadField.Version);
  return true;
}

function readString(value: Bytes, field: WorkloadField): bool {
  const reader = MessageReader.over(value);
  values[field] = null;
  while (reader.next()) {
    if (reader.field == STRING_VALUE) values[field] = reader.content;
  }
  return !reader.broken;
}

// @ts-ignore: decorator
@inline
function is(key: Bytes, name: Text): bool {
  return key.equals(name.bytes);
}

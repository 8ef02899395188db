import { RecordTable } from "../lib/records";
import { BLOCK_SIZE, decodeWorkloadMetadata, WORKLOAD_FIELDS, WorkloadField, WorkloadMetadata } from "../lib/workload-metadata";
import { Bytes, randomSeed } from "../sdk";

/** Workloads that are remembered. A worker that speaks to more decodes some of them again. */
const MAX_PEERS: i32 = 256;

export const METADATA_HEADER = Bytes.of("x-envoy-peer-metadata");
export const METADATA_ID_HEADER = Bytes.of("x-envoy-peer-metadata-id");

const NAMESPACE_MARK = Bytes.of("/ns/");
const SLASH: u8 = 0x2f;
const SEMICOLON: u8 = 0x3b;

/** By the whole header and not by its id, which anybody could send beside metadata of his own. */
@final
export class Peers {
  private readonly table: RecordTable = new RecordTable(MAX_PEERS, BLOCK_SIZE, randomSeed());

  /** What a header says, valid until the next call; null where it says nothing that can be read. */
  read(header: Bytes): WorkloadMetadata | null {
    const known = this.table.find(header);
    if (known != 0) return WorkloadMetadata.at(known);
    const metadata = decodeWorkloadMetadata(header);
    if (metadata == null) return null;
    if (this.table.full) this.table.clear();
    const record = this.table.add(header);
    memory.copy(record, changetype<usize>(metadata), <usize>metadata.size);
    return metadata;
  }

  dispose(): void {
    this.table.clear();
  }
}

/** The namespace in a SPIFFE identity `…/ns/NAMESPACE/sa/ACCOUNT`; empty where there is none. */
export function namespaceOf(principal: Bytes): Bytes {
  const mark = principal.indexOfBytes(NAMESPACE_MARK);
  if (mark < 0) return Bytes.empty();
  const start = mark + NAMESPACE_MARK.length;
  const end = principal.indexOf(SLASH, start);
  return principal.slice(start, end < 0 ? principal.length : end);
}

const fields: StaticArray<Bytes | null> = new StaticArray<Bytes | null>(WORKLOAD_FIELDS);

/**
 * What the control plane says of an endpoint, `filter_metadata.istio.workload`: `workload;namespace;canonical-name;canonical-revision;cluster`. Null
 * where it is of another form. In the arena.
 */
export function endpointMetadata(text: Bytes): WorkloadMetadata | null {
  for (let i = 0; i < WORKLOAD_FIELDS; i++) fields[i] = null;
  let start = 0;
  for (let part = 0; part < 5; part++) {
    const end = text.indexOf(SEMICOLON, start);
    if (end < 0 && part < 4) return null;
    // The fifth part stands last, or newer parts behind it.
    const field = part < 4 ? <WorkloadField>part : WorkloadField.Cluster;
    fields[field] = text.slice(start, end < 0 ? text.length : end);
    start = end + 1;
  }
  return WorkloadMetadata.build(fields);
}

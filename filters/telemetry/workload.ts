import { encodeWorkloadMetadata, WORKLOAD_FIELDS, WorkloadField, WorkloadMetadata } from "../lib/workload-metadata";
import { Bytes, Property, Text } from "../sdk";

const LABELS = "LABELS";
/** Node metadata by {@link WorkloadField}, as Istio's agents write it into the bootstrap. */
const FIELDS: Property[] = [
  nodeMetadata(["WORKLOAD_NAME"]),
  nodeMetadata(["NAMESPACE"]),
  nodeMetadata([LABELS, "service.istio.io/canonical-name"]),
  nodeMetadata([LABELS, "service.istio.io/canonical-revision"]),
  nodeMetadata([LABELS, "app"]),
  nodeMetadata([LABELS, "version"]),
  nodeMetadata(["CLUSTER_ID"]),
];
const INSTANCE = nodeMetadata(["NAME"]);
const OWNER = nodeMetadata(["OWNER"]);
const NODE_ID = Property.named("xds.node.id");

function nodeMetadata(path: string[]): Property {
  return Property.of(["xds", "node", "metadata"].concat(path));
}

/** The workload that this proxy stands beside. */
@final
export class Workload {
  /** By {@link WorkloadField}; empty where the node's metadata does not say. */
  readonly fields: StaticArray<Text> = new StaticArray<Text>(WORKLOAD_FIELDS);
  /** `x-envoy-peer-metadata-id`. */
  id: Text = Text.of("");
  /** `x-envoy-peer-metadata`. */
  header: Text = Text.of("");

  /** Reads the node's metadata. Inside a stream: a root context need not have it. */
  static read(): Workload {
    const workload = new Workload();
    const values = new StaticArray<Bytes | null>(WORKLOAD_FIELDS);
    for (let i = 0; i < WORKLOAD_FIELDS; i++) {
      values[i] = FIELDS[i].get();
      workload.fields[i] = textOf(values[i]);
    }
    const metadata = WorkloadMetadata.build(values);
    workload.id = textOf(NODE_ID.get());
    workload.header = Text.from(encodeWorkloadMetadata(metadata, orEmpty(INSTANCE.get()), orEmpty(OWNER.get())));
    return workload;
  }
}

function textOf(value: Bytes | null): Text {
  return Text.from(orEmpty(value));
}

function orEmpty(value: Bytes | null): Bytes {
  return value != null ? value : Bytes.empty();
}

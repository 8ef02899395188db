import { RecordTable } from "../lib/records";
import { Bytes, monotonicTime, Property, randomSeed, Text } from "../sdk";

/** Nanoseconds for which the metadata of a cluster is believed before it is read again. */
const FRESH: u64 = 10_000_000_000;
const MAX_CLUSTERS: i32 = 1_024;
const MAX_NAME: i32 = 255;
const DOT: u8 = 0x2e;

const SERVICE_HOST = Property.of(["xds", "cluster_metadata", "filter_metadata", "istio", "services", "0", "host"]);
const SERVICE_NAME = Property.of(["xds", "cluster_metadata", "filter_metadata", "istio", "services", "0", "name"]);
const EXTERNAL = Property.of(["xds", "cluster_metadata", "filter_metadata", "istio", "external"]);

/** Clusters whose name is what `destination_service_name` says. */
const NAMED_CLUSTERS: Text[] = [
  Text.of("BlackHoleCluster"),
  Text.of("PassthroughCluster"),
  Text.of("InboundPassthroughCluster"),
  Text.of("InboundPassthroughClusterIpv4"),
  Text.of("InboundPassthroughClusterIpv6"),
];
const PASSTHROUGH = NAMED_CLUSTERS[1];

/** What the control plane says of a cluster's service. Lives in the table. */
@unmanaged
@final
export class Service {
  /** Nanoseconds of the monotonic clock until which it is fresh. */
  freshUntil: u64;
  hostLength: i32;
  nameLength: i32;
  /** Whether it is outside of the mesh. */
  external: bool;
  // The host's bytes and those of the name follow.

  /** Empty where the metadata does not say. */
  get host(): Bytes {
    return Bytes.view(changetype<usize>(this) + offsetof<Service>(), this.hostLength);
  }

  get name(): Bytes {
    return Bytes.view(changetype<usize>(this) + offsetof<Service>() + <usize>MAX_NAME, this.nameLength);
  }

  setHost(value: Bytes): void {
    this.hostLength = min(value.length, MAX_NAME);
    memory.copy(changetype<usize>(this) + offsetof<Service>(), value.pointer, <usize>this.hostLength);
  }

  setName(value: Bytes): void {
    this.nameLength = min(value.length, MAX_NAME);
    memory.copy(changetype<usize>(this) + offsetof<Service>() + <usize>MAX_NAME, value.pointer, <usize>this.nameLength);
  }
}

/**
 * Services by cluster name, from `filter_metadata.istio` of the clusters, which three more reads a request would cost. For a gateway to more than
 * {@link MAX_CLUSTERS} clusters the table starts anew when it is full.
 */
@final
export class Services {
  private readonly table: RecordTable = new RecordTable(MAX_CLUSTERS, <i32>offsetof<Service>() + MAX_NAME * 2, randomSeed());

  /** The service of the cluster of the current stream, whose name is `cluster`. */
  of(cluster: Bytes): Service {
    let record = this.table.find(cluster);
    const now = monotonicTime();
    if (record != 0 && changetype<Service>(record).freshUntil > now) return changetype<Service>(record);
    if (record == 0) {
      if (this.table.full) this.table.clear();
      record = this.table.add(cluster);
    }
    const service = changetype<Service>(record);
    service.freshUntil = now + FRESH;
    read(cluster, service);
    return service;
  }

  dispose(): void {
    this.table.clear();
  }
}

function read(cluster: Bytes, service: Service): void {
  service.hostLength = 0;
  service.nameLength = 0;
  service.external = cluster.equals(PASSTHROUGH.bytes);
  for (let i = 0; i < NAMED_CLUSTERS.length; i++) {
    if (!cluster.equals(NAMED_CLUSTERS[i].bytes)) continue;
    service.setName(cluster);
    return;
  }
  service.external = EXTERNAL.getBool();
  const host = SERVICE_HOST.get();
  if (host != null) service.setHost(host);
  const name = SERVICE_NAME.get();
  if (name != null) service.setName(name);
  else if (host != null) service.setName(host.indexOf(DOT) < 0 ? host : host.slice(0, host.indexOf(DOT)));
}

import { WorkloadField } from "../lib/workload-metadata";

/** What a label's value comes from: what is different from request to request. */
export const enum Slot {
  /** As in {@link WorkloadField}, of the other side; the first seven stand in its order. */
  PeerWorkload = 0,
  PeerNamespace = 1,
  PeerCanonicalService = 2,
  PeerCanonicalRevision = 3,
  PeerApp = 4,
  PeerVersion = 5,
  PeerCluster = 6,
  PeerPrincipal = 7,
  LocalPrincipal = 8,
  Service = 9,
  ServiceName = 10,
  RequestProtocol = 11,
  ResponseCode = 12,
  GrpcStatus = 13,
  ResponseFlags = 14,
  SecurityPolicy = 15,
  /** The expressions of `tagOverrides` follow. */
  Expressions = 16,
}

/** Sources below zero are the same for every request: {@link REPORTER}, and the fields of the own workload. */
const REPORTER: i32 = -1;

// @ts-ignore: decorator
@inline
function own(field: WorkloadField): i32 {
  return -2 - <i32>field;
}

export function isReporter(source: i32): bool {
  return source == REPORTER;
}

/** The field of the own workload that `source`, below {@link REPORTER}, stands for. */
export function ownField(source: i32): WorkloadField {
  return <WorkloadField>(-2 - source);
}

/** A label of Istio's standard metrics. */
@final
export class StandardLabel {
  constructor(
    readonly name: string,
    /** Where the value comes from when the source reports: a {@link Slot} or below zero. */
    readonly atSource: i32,
    /** The same when the destination reports. */
    readonly atDestination: i32,
    /** Whether it depends on the answer; message counts, which Istio reports while a stream lasts, do without. */
    readonly ofAnswer: bool = false,
  ) {}
}

/** In the order of Istio's proxy (istio/proxy, source/extensions/filters/http/istio_stats). */
export const STANDARD_LABELS: StandardLabel[] = [
  new StandardLabel("reporter", REPORTER, REPORTER),
  new StandardLabel("source_workload", own(WorkloadField.Name), Slot.PeerWorkload),
  new StandardLabel("source_canonical_service", own(WorkloadField.CanonicalName), Slot.PeerCanonicalService),
  new StandardLabel("source_canonical_revision", own(WorkloadField.CanonicalRevision), Slot.PeerCanonicalRevision),
  new StandardLabel("source_workload_namespace", own(WorkloadField.Namespace), Slot.PeerNamespace),
  new StandardLabel("source_principal", Slot.LocalPrincipal, Slot.PeerPrincipal),
  new StandardLabel("source_app", own(WorkloadField.App), Slot.PeerApp),
  new StandardLabel("source_version", own(WorkloadField.Version), Slot.PeerVersion),
  new StandardLabel("source_cluster", own(WorkloadField.Cluster), Slot.PeerCluster),
  new StandardLabel("destination_workload", Slot.PeerWorkload, own(WorkloadField.Name)),
  new StandardLabel("destination_workload_namespace", Slot.PeerNamespace, own(WorkloadField.Namespace)),
  new StandardLabel("destination_principal", Slot.PeerPrincipal, Slot.LocalPrincipal),
  new StandardLabel("destination_app", Slot.PeerApp, own(WorkloadField.App)),
  new StandardLabel("destination_version", Slot.PeerVersion, own(WorkloadField.Version)),
  new StandardLabel("destination_service", Slot.Service, Slot.Service),
  new StandardLabel("destination_canonical_service", Slot.PeerCanonicalService, own(WorkloadField.CanonicalName)),
  new StandardLabel("destination_canonical_revision", Slot.PeerCanonicalRevision, own(WorkloadField.CanonicalRevision)),
  new StandardLabel("destination_service_name", Slot.ServiceName, Slot.ServiceName),
  new StandardLabel("destination_service_namespace", Slot.PeerNamespace, own(WorkloadField.Namespace)),
  new StandardLabel("destination_cluster", Slot.PeerCluster, own(WorkloadField.Cluster)),
  new StandardLabel("request_protocol", Slot.RequestProtocol, Slot.RequestProtocol, true),
  new StandardLabel("response_code", Slot.ResponseCode, Slot.ResponseCode, true),
  new StandardLabel("grpc_response_status", Slot.GrpcStatus, Slot.GrpcStatus, true),
  new StandardLabel("response_flags", Slot.ResponseFlags, Slot.ResponseFlags, true),
  new StandardLabel("connection_security_policy", Slot.SecurityPolicy, Slot.SecurityPolicy, true),
];

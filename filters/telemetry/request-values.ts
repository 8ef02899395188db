import { WORKLOAD_FIELDS, WorkloadField, WorkloadMetadata } from "../lib/workload-metadata";
import { formatInteger } from "../lib/number";
import { Bytes, Property, requestHeaders, Text } from "../sdk";
import { Slot } from "./labels";
import { endpointMetadata, namespaceOf } from "./peers";
import { Plan } from "./plan";
import { responseFlags } from "./response-flags";
import { Services } from "./services";
import { Trust } from "./settings";
import { Values } from "./values";

const RESPONSE_CODE = Property.named("response.code");
const RESPONSE_FLAGS = Property.named("response.flags");
const GRPC_STATUS = Property.named("response.grpc_status");
const REQUEST_HOST = Property.named("request.host");
const ROUTE_NAME = Property.named("xds.route_name");
const CLUSTER_NAME = Property.named("xds.cluster_name");
const ENDPOINT_WORKLOAD = Property.of(["xds", "upstream_host_metadata", "filter_metadata", "istio", "workload"]);

/** First URI names of the certificates of the connection with the client, and of that with the upstream. */
const CLIENT_PRINCIPAL = Property.named("connection.uri_san_peer_certificate");
const SERVER_PRINCIPAL = Property.named("connection.uri_san_local_certificate");
const UPSTREAM_PRINCIPAL = Property.named("upstream.uri_san_peer_certificate");
const UPSTREAM_LOCAL_PRINCIPAL = Property.named("upstream.uri_san_local_certificate");

const CONTENT_TYPE = Text.of("content-type");
const APPLICATION_GRPC = Text.of("application/grpc");
const UNKNOWN = Text.of("unknown");
const LATEST = Text.of("latest");
const HTTP = Text.of("http");
const GRPC = Text.of("grpc");
const MUTUAL_TLS = Text.of("mutual_tls");
const NONE = Text.of("none");
const BLOCK_ALL = Text.of("block_all");
const BLACK_HOLE = Text.of("BlackHoleCluster");
const PLUS: u8 = 0x2b;

/** Whether the request is gRPC, as Envoy tells it: `application/grpc`, or that with a `+` and what the messages are. Over when it ends. */
export function isGrpc(): bool {
  const contentType = requestHeaders.first(CONTENT_TYPE.bytes);
  if (contentType == null || !contentType.startsWith(APPLICATION_GRPC.bytes)) return false;
  return contentType.length == APPLICATION_GRPC.bytes.length || contentType[APPLICATION_GRPC.bytes.length] == PLUS;
}

/** What the labels of a request are made of, read at its end. One for each configuration; it keeps nothing between two requests. */
@final
export class RequestValues {
  /** Whether metadata of the other side was there and not believed, of the last {@link read}. */
  rejected: bool = false;

  constructor(
    private readonly plan: Plan,
    private readonly services: Services,
  ) {}

  /** `peer`: what the other side said of itself, null where it said nothing. */
  read(grpc: bool, peer: WorkloadMetadata | null): Values {
    const plan = this.plan;
    const values = Values.create(plan.slots);
    this.readPeer(values, peer);
    this.readAnswer(values, grpc);
    if (plan.needs(Slot.Service) || plan.needs(Slot.ServiceName)) this.readService(values);
    const expressions = plan.settings.expressions;
    for (let i = 0; i < expressions.length; i++) {
      const slot = <i32>Slot.Expressions + i;
      if (!plan.needs(slot)) continue;
      const value = expressions[i].evaluate();
      values.set(slot, value != null ? value : UNKNOWN.bytes);
    }
    return values;
  }

  private readAnswer(values: Values, grpc: bool): void {
    const plan = this.plan;
    values.set(Slot.RequestProtocol, grpc ? GRPC.bytes : HTTP.bytes);
    if (plan.needs(Slot.ResponseCode)) values.set(Slot.ResponseCode, formatInteger(RESPONSE_CODE.getInteger()));
    if (plan.needs(Slot.ResponseFlags)) values.set(Slot.ResponseFlags, responseFlags(<u64>RESPONSE_FLAGS.getInteger()));
    if (!grpc || !plan.needs(Slot.GrpcStatus)) return;
    const status = GRPC_STATUS.getInteger(-1);
    if (status >= 0) values.set(Slot.GrpcStatus, formatInteger(status));
  }

  private readPeer(values: Values, said: WorkloadMetadata | null): void {
    const plan = this.plan;
    this.rejected = false;
    if (!plan.needsPeer) return;
    const principal = plan.inbound ? CLIENT_PRINCIPAL.get() : UPSTREAM_PRINCIPAL.get();
    const local = principal != null || plan.inbound ? this.localPrincipal() : null;
    values.set(Slot.PeerPrincipal, known(principal));
    values.set(Slot.LocalPrincipal, known(local));
    const policy = !plan.inbound ? UNKNOWN : isThere(principal) && isThere(local) ? MUTUAL_TLS : NONE;
    values.set(Slot.SecurityPolicy, policy.bytes);

    const namespace = principal != null ? namespaceOf(principal) : Bytes.empty();
    let peer: WorkloadMetadata | null = said != null && this.believes(said, principal, namespace) ? said : null;
    this.rejected = said != null && peer == null;
    if (peer == null && !plan.inbound) {
      const endpoint = ENDPOINT_WORKLOAD.get();
      if (endpoint != null) peer = endpointMetadata(endpoint);
    }
    for (let i = 0; i < WORKLOAD_FIELDS; i++) {
      const value = peer != null ? peer.get(i) : Bytes.empty();
      const fallback = i == WorkloadField.CanonicalRevision ? LATEST : UNKNOWN;
      values.set(i, value.length > 0 ? value : fallback.bytes);
    }
    // What a certificate says of the namespace is proven.
    if (namespace.length > 0) values.set(Slot.PeerNamespace, namespace);
  }

  private localPrincipal(): Bytes | null {
    return this.plan.inbound ? SERVER_PRINCIPAL.get() : UPSTREAM_LOCAL_PRINCIPAL.get();
  }

  private believes(said: WorkloadMetadata, principal: Bytes | null, namespace: Bytes): bool {
    const trust = this.plan.settings.trust;
    if (trust != Trust.MutualTls) return trust == Trust.Always;
    return isThere(principal) && said.get(WorkloadField.Namespace).equals(namespace);
  }

  /** As Istio's proxy: the cluster's metadata, else the host header, else the own service where the request came to it. */
  private readService(values: Values): void {
    const plan = this.plan;
    let host: Bytes | null = null;
    let name: Bytes | null = null;
    const cluster = CLUSTER_NAME.get();
    if (cluster != null) {
      const service = this.services.of(cluster);
      if (service.hostLength > 0) host = service.host;
      if (service.nameLength > 0) name = service.name;
    } else {
      const route = ROUTE_NAME.get();
      if (route != null && route.equals(BLOCK_ALL.bytes)) name = BLACK_HOLE.bytes;
    }
    if ((host == null || name == null) && plan.hostHeaderFallback) {
      const authority = REQUEST_HOST.get();
      if (authority != null && authority.length > 0) {
        if (host == null) host = authority;
        if (name == null) name = authority;
      }
    }
    const own = plan.workload.fields[WorkloadField.CanonicalName].bytes;
    const fallback = plan.inbound && own.length > 0 ? own : UNKNOWN.bytes;
    values.set(Slot.Service, host != null ? host : fallback);
    values.set(Slot.ServiceName, name != null ? name : fallback);
  }
}

function isThere(value: Bytes | null): bool {
  return value != null && value.length > 0;
}

function known(value: Bytes | null): Bytes {
  return value != null && value.length > 0 ? value : UNKNOWN.bytes;
}

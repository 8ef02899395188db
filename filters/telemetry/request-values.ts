import { WORKLOAD_FIELDS, WorkloadField, WorkloadMetadata } from "../lib/workload-metadata";
import { formatInteger } from "../lib/number";
import { Bytes, HeaderMap, PEER_PRINCIPAL, Property, Text } from "../sdk";
import { Slot } from "./labels";
import { endpointMetadata, namespaceOf } from "./peers";
import { Plan } from "./plan";
import { responseFlags } from "./response-flags";
import { Services } from "./services";
import { Trust } from "./settings";
import { Values } from "./values";

/** Attributes of Envoy; URI names are the first ones of the certificates of the connection with the client, and of that with the upstream. */
const ATTRIBUTES = Property.list(
  "response.code response.flags response.grpc_status request.host xds.route_name xds.cluster_name " +
    "connection.uri_san_local_certificate upstream.uri_san_peer_certificate upstream.uri_san_local_certificate " +
    "xds.upstream_host_metadata.filter_metadata.istio.workload",
);
const RESPONSE_CODE = 0;
const RESPONSE_FLAGS = 1;
const GRPC_STATUS = 2;
const REQUEST_HOST = 3;
const ROUTE_NAME = 4;
const CLUSTER_NAME = 5;
const SERVER_PRINCIPAL = 6;
const UPSTREAM_PRINCIPAL = 7;
const UPSTREAM_LOCAL_PRINCIPAL = 8;
const ENDPOINT_WORKLOAD = 9;

const WORDS = Text.list("content-type application/grpc unknown latest http grpc mutual_tls none block_all BlackHoleCluster");
const CONTENT_TYPE = 0;
const APPLICATION_GRPC = 1;
const UNKNOWN = 2;
const LATEST = 3;
const HTTP = 4;
const GRPC = 5;
const MUTUAL_TLS = 6;
const NONE = 7;
const BLOCK_ALL = 8;
const BLACK_HOLE = 9;
const PLUS: u8 = 0x2b;

function attribute(index: i32): Property {
  return unchecked(ATTRIBUTES[index]);
}

function word(index: i32): Bytes {
  return unchecked(WORDS[index]).bytes;
}

/** Whether the request is gRPC, as Envoy tells it: `application/grpc`, or that with a `+` and what the messages are. */
export function isGrpc(headers: HeaderMap): bool {
  const contentType = headers.first(word(CONTENT_TYPE));
  if (contentType == null || !contentType.startsWith(word(APPLICATION_GRPC))) return false;
  return contentType.length == word(APPLICATION_GRPC).length || contentType[word(APPLICATION_GRPC).length] == PLUS;
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

  /** `peer`: what the other side said of itself, null where it said nothing; `client`: the client's principal, empty for none, null where that must be asked. */
  read(grpc: bool, peer: WorkloadMetadata | null, client: Bytes | null): Values {
    const plan = this.plan;
    const values = Values.create(plan.slots);
    this.readPeer(values, peer, client);
    this.readAnswer(values, grpc);
    if (plan.needs(Slot.Service) || plan.needs(Slot.ServiceName)) this.readService(values);
    for (let slot = <i32>Slot.Expressions; slot < plan.slots; slot++) {
      if (!plan.needs(slot)) continue;
      const value = plan.settings.expressions[slot - <i32>Slot.Expressions].evaluate();
      values.set(slot, value != null ? value : word(UNKNOWN));
    }
    return values;
  }

  private readAnswer(values: Values, grpc: bool): void {
    const plan = this.plan;
    values.set(Slot.RequestProtocol, grpc ? word(GRPC) : word(HTTP));
    if (plan.needs(Slot.ResponseCode)) values.set(Slot.ResponseCode, formatInteger(attribute(RESPONSE_CODE).getInteger()));
    if (plan.needs(Slot.ResponseFlags)) values.set(Slot.ResponseFlags, responseFlags(<u64>attribute(RESPONSE_FLAGS).getInteger()));
    if (!grpc || !plan.needs(Slot.GrpcStatus)) return;
    const status = attribute(GRPC_STATUS).getInteger(-1);
    if (status >= 0) values.set(Slot.GrpcStatus, formatInteger(status));
  }

  private readPeer(values: Values, said: WorkloadMetadata | null, client: Bytes | null): void {
    const plan = this.plan;
    this.rejected = false;
    if (!plan.needsPeer) return;
    const principal = client != null ? client : plan.inbound ? PEER_PRINCIPAL.get() : attribute(UPSTREAM_PRINCIPAL).get();
    const local = principal != null || plan.inbound ? this.localPrincipal() : null;
    values.set(Slot.PeerPrincipal, known(principal));
    values.set(Slot.LocalPrincipal, known(local));
    const policy = !plan.inbound ? UNKNOWN : isThere(principal) && isThere(local) ? MUTUAL_TLS : NONE;
    values.set(Slot.SecurityPolicy, word(policy));

    const namespace = principal != null ? namespaceOf(principal) : Bytes.empty();
    let peer: WorkloadMetadata | null = said != null && this.believes(said, principal, namespace) ? said : null;
    this.rejected = said != null && peer == null;
    if (peer == null && !plan.inbound) {
      const endpoint = attribute(ENDPOINT_WORKLOAD).get();
      if (endpoint != null) peer = endpointMetadata(endpoint);
    }
    for (let i = 0; i < WORKLOAD_FIELDS; i++) {
      const value = peer != null ? peer.get(i) : Bytes.empty();
      const fallback = i == WorkloadField.CanonicalRevision ? LATEST : UNKNOWN;
      values.set(i, value.length > 0 ? value : word(fallback));
    }
    // What a certificate says of the namespace is proven.
    if (namespace.length > 0) values.set(Slot.PeerNamespace, namespace);
  }

  private localPrincipal(): Bytes | null {
    return this.plan.inbound ? attribute(SERVER_PRINCIPAL).get() : attribute(UPSTREAM_LOCAL_PRINCIPAL).get();
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
    const cluster = attribute(CLUSTER_NAME).get();
    if (cluster != null) {
      const service = this.services.of(cluster);
      if (service.hostLength > 0) host = service.host;
      if (service.nameLength > 0) name = service.name;
    } else {
      const route = attribute(ROUTE_NAME).get();
      if (route != null && route.equals(word(BLOCK_ALL))) name = word(BLACK_HOLE);
    }
    if ((host == null || name == null) && plan.hostHeaderFallback) {
      const authority = attribute(REQUEST_HOST).get();
      if (authority != null && authority.length > 0) {
        if (host == null) host = authority;
        if (name == null) name = authority;
      }
    }
    const own = plan.workload.fields[WorkloadField.CanonicalName].bytes;
    const fallback = plan.inbound && own.length > 0 ? own : word(UNKNOWN);
    values.set(Slot.Service, host != null ? host : fallback);
    values.set(Slot.ServiceName, name != null ? name : fallback);
  }
}

function isThere(value: Bytes | null): bool {
  return value != null && value.length > 0;
}

function known(value: Bytes | null): Bytes {
  return value != null && value.length > 0 ? value : word(UNKNOWN);
}

import { parseInteger } from "../lib/number";
import { BLOCK_SIZE, WorkloadMetadata } from "../lib/workload-metadata";
import {
  Bytes,
  HeaderMap,
  HeadersAction,
  HttpStream,
  incrementCounter,
  PEER_PRINCIPAL,
  Property,
  recordHistogram,
  requestHeaders,
} from "../sdk";
import { Metric } from "./metric";
import { METADATA_HEADER, METADATA_ID_HEADER } from "./peers";
import { Plan } from "./plan";
import { isGrpc } from "./request-values";
import { Reporting, TelemetryRoot } from "./root";
import { Mode, Trust } from "./settings";
import { MAX_LABEL } from "./values";

const ATTRIBUTES = Property.list("xds.cluster_name request.duration request.total_size response.total_size");
const CLUSTER_NAME = 0;
const DURATION = 1;
const REQUEST_SIZE = 2;
const RESPONSE_SIZE = 3;
/** `request messages,response messages`: what Envoy's grpc_stats filter leaves with `emit_filter_state`. */
const GRPC_MESSAGES = Property.of(["filter_state", "envoy.filters.http.grpc_stats"]);

const MILLISECOND: i64 = 1_000_000;
const COMMA: u8 = 0x2c;

/** One request: metadata of the workloads goes with its headers and those of its answer, and everything is counted at its end. */
@final
export class TelemetryStream extends HttpStream {
  /** What the other side said of itself, as a block of {@link WorkloadMetadata}. */
  private readonly peer: StaticArray<u8> = new StaticArray<u8>(BLOCK_SIZE);
  private hasPeer: bool = false;
  /** Inbound: whether the client is a proxy that wants to know who answers. Else: whether the upstream was told who asks, and may say who answers. */
  private exchanges: bool = false;
  /** Whether the request is gRPC, and whether that is known: a request that was refused before does not come by here. */
  private grpc: bool = false;
  private seen: bool = false;
  /** The client's principal, which others of the module may have asked for when the request came, and its length; -1 where it is not kept. */
  private readonly principal: StaticArray<u8> = new StaticArray<u8>(MAX_LABEL);
  private principalLength: i32 = -1;
  private reporting: Reporting | null = null;

  reset(): void {
    this.hasPeer = false;
    this.exchanges = false;
    this.seen = false;
    this.principalLength = -1;
    this.reporting = null;
  }

  private get report(): Reporting {
    let reporting = this.reporting;
    if (reporting == null) {
      reporting = changetype<TelemetryRoot>(this.root).report();
      this.reporting = reporting;
    }
    return reporting;
  }

  onRequestHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const plan = this.report.plan;
    this.grpc = isGrpc(headers);
    this.seen = true;
    // Whatever the client says of itself here, at the edge or from the workload next door, it must not say in this proxy's name.
    if (plan.mode != Mode.Inbound) {
      this.exchanges = plan.introduces && this.staysInMesh();
      if (this.exchanges) introduce(headers, plan);
      else strip(headers);
      return HeadersAction.Continue;
    }
    if (plan.needsPeer) this.keepPrincipal();
    const metadata = headers.first(METADATA_HEADER);
    if (metadata == null && headers.first(METADATA_ID_HEADER) == null) return HeadersAction.Continue;
    if (metadata != null) this.learn(metadata, plan);
    this.exchanges = plan.introduces;
    headers.remove(METADATA_HEADER);
    headers.remove(METADATA_ID_HEADER);
    return HeadersAction.Continue;
  }

  onResponseHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const plan = this.report.plan;
    if (plan.mode == Mode.Inbound) {
      if (this.exchanges) introduce(headers, plan);
      else if (!plan.settings.exchange) strip(headers);
      return HeadersAction.Continue;
    }
    const metadata = headers.first(METADATA_HEADER);
    if (metadata != null) {
      if (this.exchanges) this.learn(metadata, plan);
      headers.remove(METADATA_HEADER);
    }
    // Without a look: a call that finds nothing costs as much, and of a response no route is chosen.
    headers.remove(METADATA_ID_HEADER);
    return HeadersAction.Continue;
  }

  onLog(): void {
    const root = changetype<TelemetryRoot>(this.root);
    const report = this.report;
    const plan = report.plan;
    const grpc = this.seen ? this.grpc : isGrpc(requestHeaders);
    const peer = this.hasPeer ? WorkloadMetadata.at(changetype<usize>(this.peer)) : null;
    const principal = this.principalLength >= 0 ? Bytes.view(changetype<usize>(this.principal), this.principalLength) : null;
    const values = report.values.read(grpc, peer, principal);
    if (report.values.rejected) root.rejected.increment();
    const ids = report.series.find(values, grpc);
    if (plan.counts(Metric.Requests)) incrementCounter(idOf(ids, Metric.Requests), 1);
    if (plan.counts(Metric.Duration)) {
      const duration = unchecked(ATTRIBUTES[DURATION]).getInteger(-1);
      if (duration >= 0) recordHistogram(idOf(ids, Metric.Duration), <u64>(duration / MILLISECOND));
    }
    if (plan.counts(Metric.RequestBytes))
      recordHistogram(idOf(ids, Metric.RequestBytes), <u64>unchecked(ATTRIBUTES[REQUEST_SIZE]).getInteger());
    if (plan.counts(Metric.ResponseBytes))
      recordHistogram(idOf(ids, Metric.ResponseBytes), <u64>unchecked(ATTRIBUTES[RESPONSE_SIZE]).getInteger());
    if (grpc) countMessages(ids, plan);
  }

  private keepPrincipal(): void {
    const principal = PEER_PRINCIPAL.once();
    const length = principal != null ? principal.length : 0;
    if (length > MAX_LABEL) return;
    if (principal != null) memory.copy(changetype<usize>(this.principal), principal.pointer, <usize>length);
    this.principalLength = length;
  }

  /** Keeps what `header` says until the end, when it is known whether the connection proves it. */
  private learn(header: Bytes, plan: Plan): void {
    if (!plan.settings.exchange || plan.settings.trust == Trust.Never) return;
    const root = changetype<TelemetryRoot>(this.root);
    const metadata = root.peers.read(header);
    if (metadata == null) {
      root.rejected.increment();
      return;
    }
    memory.copy(changetype<usize>(this.peer), changetype<usize>(metadata), <usize>metadata.size);
    this.hasPeer = true;
  }

  /** Whether the request goes to a cluster that is not marked as external. */
  private staysInMesh(): bool {
    const cluster = unchecked(ATTRIBUTES[CLUSTER_NAME]).get();
    return cluster != null && !changetype<TelemetryRoot>(this.root).services.of(cluster).external;
  }
}

/** Says who this proxy stands for, over whatever was said. */
function introduce(headers: HeaderMap, plan: Plan): void {
  headers.set(METADATA_HEADER, plan.workload.header.bytes);
  headers.set(METADATA_ID_HEADER, plan.workload.id.bytes);
}

/** Only what is there: a call that changes nothing has the route of a request chosen again too. */
function strip(headers: HeaderMap): void {
  if (headers.first(METADATA_HEADER) != null) headers.remove(METADATA_HEADER);
  if (headers.first(METADATA_ID_HEADER) != null) headers.remove(METADATA_ID_HEADER);
}

function countMessages(ids: usize, plan: Plan): void {
  if (!plan.counts(Metric.RequestMessages) && !plan.counts(Metric.ResponseMessages)) return;
  const counts = GRPC_MESSAGES.get();
  if (counts == null) return;
  const comma = counts.indexOf(COMMA);
  if (comma < 0) return;
  const sent = parseInteger(counts.slice(0, comma));
  const received = parseInteger(counts.slice(comma + 1));
  // A counter takes no 0.
  if (sent > 0) incrementCounter(idOf(ids, Metric.RequestMessages), sent);
  if (received > 0) incrementCounter(idOf(ids, Metric.ResponseMessages), received);
}

// @ts-ignore: decorator
@inline
function idOf(ids: usize, metric: Metric): u32 {
  return load<u32>(ids + ((<usize>metric) << 2));
}

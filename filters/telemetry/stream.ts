import { parseInteger } from "../lib/number";
import { BLOCK_SIZE, WorkloadMetadata } from "../lib/workload-metadata";
import { Bytes, HeaderMap, HeadersAction, HttpStream, incrementCounter, Property, recordHistogram } from "../sdk";
import { Metric } from "./metric";
import { METADATA_HEADER, METADATA_ID_HEADER } from "./peers";
import { Plan } from "./plan";
import { isGrpc } from "./request-values";
import { Reporting, TelemetryRoot } from "./root";
import { Mode, Trust } from "./settings";

const CLUSTER_NAME = Property.named("xds.cluster_name");
const DURATION = Property.named("request.duration");
const REQUEST_SIZE = Property.named("request.total_size");
const RESPONSE_SIZE = Property.named("response.total_size");
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
  private reporting: Reporting | null = null;

  reset(): void {
    this.hasPeer = false;
    this.exchanges = false;
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
    // Whatever the client says of itself here, at the edge or from the workload next door, it must not say in this proxy's name.
    if (plan.mode != Mode.Inbound) {
      this.exchanges = plan.introduces && this.staysInMesh();
      if (this.exchanges) introduce(headers, plan);
      else strip(headers);
      return HeadersAction.Continue;
    }
    const metadata = headers.first(METADATA_HEADER.bytes);
    if (metadata == null && headers.first(METADATA_ID_HEADER.bytes) == null) return HeadersAction.Continue;
    if (metadata != null) this.learn(metadata, plan);
    this.exchanges = plan.introduces;
    headers.remove(METADATA_HEADER.bytes);
    headers.remove(METADATA_ID_HEADER.bytes);
    return HeadersAction.Continue;
  }

  onResponseHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const plan = this.report.plan;
    if (plan.mode == Mode.Inbound) {
      if (this.exchanges) introduce(headers, plan);
      else if (!plan.settings.exchange) strip(headers);
      return HeadersAction.Continue;
    }
    const metadata = headers.first(METADATA_HEADER.bytes);
    if (metadata != null) {
      if (this.exchanges) this.learn(metadata, plan);
      headers.remove(METADATA_HEADER.bytes);
    }
    // Without a look: a call that finds nothing costs as much, and of a response no route is chosen.
    headers.remove(METADATA_ID_HEADER.bytes);
    return HeadersAction.Continue;
  }

  onLog(): void {
    const root = changetype<TelemetryRoot>(this.root);
    const report = this.report;
    const plan = report.plan;
    const grpc = isGrpc();
    const values = report.values.read(grpc, this.hasPeer ? WorkloadMetadata.at(changetype<usize>(this.peer)) : null);
    if (report.values.rejected) root.rejected.increment();
    const ids = report.series.find(values, grpc);
    if (plan.metrics[Metric.Requests].enabled) incrementCounter(idOf(ids, Metric.Requests), 1);
    if (plan.metrics[Metric.Duration].enabled) {
      const duration = DURATION.getInteger(-1);
      if (duration >= 0) recordHistogram(idOf(ids, Metric.Duration), <u64>(duration / MILLISECOND));
    }
    if (plan.metrics[Metric.RequestBytes].enabled) recordHistogram(idOf(ids, Metric.RequestBytes), <u64>REQUEST_SIZE.getInteger());
    if (plan.metrics[Metric.ResponseBytes].enabled) recordHistogram(idOf(ids, Metric.ResponseBytes), <u64>RESPONSE_SIZE.getInteger());
    if (grpc) countMessages(ids, plan);
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
    const cluster = CLUSTER_NAME.get();
    return cluster != null && !changetype<TelemetryRoot>(this.root).services.of(cluster).external;
  }
}

/** Says who this proxy stands for, over whatever was said. */
function introduce(headers: HeaderMap, plan: Plan): void {
  headers.set(METADATA_HEADER.bytes, plan.workload.header.bytes);
  headers.set(METADATA_ID_HEADER.bytes, plan.workload.id.bytes);
}

/** Only what is there: a call that changes nothing has the route of a request chosen again too. */
function strip(headers: HeaderMap): void {
  if (headers.first(METADATA_HEADER.bytes) != null) headers.remove(METADATA_HEADER.bytes);
  if (headers.first(METADATA_ID_HEADER.bytes) != null) headers.remove(METADATA_ID_HEADER.bytes);
}

function countMessages(ids: usize, plan: Plan): void {
  if (!plan.metrics[Metric.RequestMessages].enabled && !plan.metrics[Metric.ResponseMessages].enabled) return;
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

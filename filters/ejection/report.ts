import { xxHash64 } from "../lib/hash";
import { arena, Bytes, Counter, currentTime, HeaderPairs, HttpCallout, HttpCalloutResponse, Property, Root, Text } from "../sdk";
import { ClusterRecord, clusterRecords } from "./cluster-record";
import { allHosts, HostRecord } from "./host-record";
import { JsonWriter } from "./json-writer";

const METHOD = Text.of(":method");
const PATH = Text.of(":path");
const AUTHORITY = Text.of(":authority");
const STATUS = Text.of(":status");
const CONTENT_TYPE = Text.of("content-type");
const POST = Text.of("POST");
const JSON = Text.of("application/json");

const NODE = Text.of('{"node":');
const TIME = Text.of(',"time":');
const CLUSTERS = Text.of(',"clusters":[');
const HOSTS = Text.of('],"hosts":[');
const LEFT_OUT = Text.of('],"leftOut":');
const END = Text.of("}");
const COMMA = Text.of(",");
const CLUSTER = Text.of('{"cluster":');
const ADDRESS = Text.of(',"address":');
const GOOD = Text.of(',"good":');
const FAILED = Text.of(',"failed":');
const EJECTIONS = Text.of(',"ejections":');
const OUT = Text.of(',"out":true');
const LATENCY = Text.of(',"latency":');

const MILLISECOND: u64 = 1_000_000;
/** Periods for which a host without answers is still told of. */
const REMEMBERED: u64 = 2;

const nodeId = Property.named("xds.node.id");

/** Where reports go, and how often. */
@final
export class ReportSettings {
  path: Text = Text.of("/ejection");
  authority: Text;
  /** Nanoseconds. */
  period: u64 = 60_000_000_000;
  /** Milliseconds. */
  timeout: u32 = 5_000;
  maxHosts: i32 = 1_000;

  constructor(readonly cluster: Text) {
    this.authority = cluster;
  }
}

/**
 * Tells the outcomes of all hosts, once a period from one worker: the first that writes the period's number into the record of the receiving
 * cluster. A report that does not arrive is not sent again: the next one has everything, because counts are totals.
 */
@final
export class Report extends HttpCallout {
  private readonly failures: Counter = new Counter("ejection.report_failures");
  private readonly writer: JsonWriter = new JsonWriter();
  private readonly lease: u64;
  private period: u64 = 0;

  constructor(private readonly settings: ReportSettings) {
    super();
    // Apart from the record of the same cluster as one whose hosts are judged.
    const hash = xxHash64(settings.cluster.bytes, 1);
    this.lease = hash != 0 ? hash : 1;
  }

  /** Sends a report where a period has begun and nobody else did. */
  run(root: Root, now: u64): void {
    const period = now / this.settings.period;
    if (this.period == 0) this.period = period;
    if (this.period >= period) return;
    this.period = period;
    const record = changetype<ClusterRecord>(clusterRecords.open(this.lease, now));
    if (record.reported >= period) return;
    record.reported = period;
    if (clusterRecords.commit()) this.dispatchReport(root, now);
  }

  private dispatchReport(root: Root, now: u64): void {
    const settings = this.settings;
    const headers = HeaderPairs.create();
    headers.add(METHOD.bytes, POST.bytes);
    headers.add(PATH.bytes, settings.path.bytes);
    headers.add(AUTHORITY.bytes, settings.authority.bytes);
    headers.add(CONTENT_TYPE.bytes, JSON.bytes);
    const sent = this.sendFromRoot(root, settings.cluster.bytes, headers, settings.timeout, this.write(now));
    if (!sent) this.failures.increment();
  }

  onResponse(response: HttpCalloutResponse): void {
    const status: Bytes | null = response.failed ? null : response.headers.get(STATUS.bytes);
    if (status == null || status.length == 0 || status[0] != 0x32) this.failures.increment();
  }

  /** As report-schema.json describes it. Hosts that failed go first where not all are told of. */
  private write(now: u64): Bytes {
    const writer = this.writer;
    writer.begin();
    writer.raw(NODE);
    const node = nodeId.get();
    writer.text(node != null ? node : Bytes.empty());
    writer.raw(TIME);
    writer.integer(currentTime() / MILLISECOND);
    writer.raw(CLUSTERS);
    const clusters = this.writeClusters();
    writer.raw(HOSTS);
    const failed = this.writeHosts(clusters, now, true, 0);
    const all = this.writeHosts(clusters, now, false, failed);
    writer.raw(LEFT_OUT);
    writer.integer(<u64>max(all - this.settings.maxHosts, 0));
    writer.raw(END);
    return writer.bytes;
  }

  /** Names of the clusters. Returns their hashes in the same order, behind their number. */
  private writeClusters(): usize {
    let capacity: usize = 64;
    let hashes = arena.allocate((capacity + 1) << 3);
    let count: usize = 0;
    for (let slot = 0; slot < clusterRecords.slots; slot++) {
      clusterRecords.load(slot);
      for (let at = clusterRecords.first; at != 0; at = clusterRecords.next(at)) {
        const record = changetype<ClusterRecord>(at);
        if (record.nameLength == 0) continue;
        if (count == capacity) {
          const grown = arena.allocate((capacity * 2 + 1) << 3);
          memory.copy(grown, hashes, (capacity + 1) << 3);
          hashes = grown;
          capacity *= 2;
        }
        if (count > 0) this.writer.raw(COMMA);
        this.writer.text(record.name);
        store<u64>(hashes + (++count << 3), record.hash);
      }
    }
    store<u64>(hashes, count);
    return hashes;
  }

  /** The hosts that failed, or those that did not. Returns how many there are by now, told of or not. */
  private writeHosts(clusters: usize, now: u64, failing: bool, before: i32): i32 {
    let count = before;
    for (let slot = 0; slot < allHosts.slots; slot++) {
      allHosts.load(slot);
      for (let at = allHosts.first; at != 0; at = allHosts.next(at)) {
        const record = changetype<HostRecord>(at);
        if (record.totalFailed > 0 != failing || record.lastSeen + REMEMBERED * this.settings.period < now) continue;
        const cluster = indexOf(clusters, record.cluster);
        if (cluster < 0) continue;
        if (count < this.settings.maxHosts) this.writeHost(record, cluster, count > 0, now);
        count++;
      }
    }
    return count;
  }

  private writeHost(record: HostRecord, cluster: i32, follows: bool, now: u64): void {
    const writer = this.writer;
    if (follows) writer.raw(COMMA);
    writer.raw(CLUSTER);
    writer.integer(<u64>cluster);
    writer.raw(ADDRESS);
    writer.text(record.address);
    writer.raw(GOOD);
    writer.integer(record.totalGood);
    writer.raw(FAILED);
    writer.integer(record.totalFailed);
    writer.raw(EJECTIONS);
    writer.integer(<u64>record.totalEjections);
    if (now < record.outUntil) writer.raw(OUT);
    const timed = <u64>record.current.timed + <u64>record.previous.timed;
    if (timed > 0) {
      writer.raw(LATENCY);
      writer.integer((record.current.latency + record.previous.latency) / timed);
    }
    writer.raw(END);
  }
}

/** The place of `hash` in the list that {@link Report.writeClusters} gave; -1 where it is not there. */
function indexOf(hashes: usize, hash: u64): i32 {
  const count = <i32>load<u64>(hashes);
  for (let i = 1; i <= count; i++) {
    if (load<u64>(hashes + ((<usize>i) << 3)) == hash) return i - 1;
  }
  return -1;
}

import { xxHash64 } from "../lib/hash";
import { RecordTable } from "../lib/records";
import { arena, Bytes, Counter, defineCounter, defineHistogram, randomSeed } from "../sdk";
import { countsMessages, isHistogram, METRIC_COUNT } from "./metric";
import { Label, MetricPlan, Plan } from "./plan";
import { FIELD_SEPARATOR, writeValue } from "./stat-name";
import { Values } from "./values";

/** Names whose ids are remembered beyond a configuration. */
const REMEMBERED_IDS: i32 = 65_536;
const OVERFLOW = Bytes.of("overflow");

let seed: u64 = 0;
/**
 * The ids of the VM's metrics, by metric and 128 bits of hash of their names: Envoy makes a new id at each definition, so that configuration updates would
 * pile them up. Names themselves, of a kilobyte each, would take too much, and 128 bits with a secret seed do not collide in practice.
 */
let ids: RecordTable | null = null;

function idTable(): RecordTable {
  let table = ids;
  if (table == null) {
    seed = randomSeed();
    table = new RecordTable(REMEMBERED_IDS, 4, seed);
    ids = table;
  }
  return table;
}

/**
 * The series of one configuration: from the values of its slots to the ids of its metrics, {@link METRIC_COUNT} words. Where there are as many as the
 * configuration allows, all further ones share a single one, whose labels say `overflow`.
 */
@final
export class SeriesTable {
  private readonly table: RecordTable;
  /** Of HTTP, and of gRPC, which has messages besides. */
  private overflow: usize = 0;
  private grpcOverflow: usize = 0;

  constructor(
    private readonly plan: Plan,
    private readonly created: Counter,
    private readonly overflowed: Counter,
  ) {
    idTable();
    this.table = new RecordTable(plan.settings.maxSeries, METRIC_COUNT * 4, seed);
  }

  /** The ids of a series, 0 for a metric that it does not have. */
  find(values: Values, grpc: bool): usize {
    const key = values.key(this.plan.slots);
    const found = this.table.find(key);
    if (found != 0) return found;
    const added = this.table.add(key);
    if (added == 0) return this.findOverflow(grpc);
    this.created.increment();
    this.define(added, values, grpc);
    return added;
  }

  /** Frees what the garbage collector does not see. */
  dispose(): void {
    this.table.clear();
    if (this.overflow != 0) heap.free(this.overflow);
    if (this.grpcOverflow != 0) heap.free(this.grpcOverflow);
    this.overflow = 0;
    this.grpcOverflow = 0;
  }

  private findOverflow(grpc: bool): usize {
    this.overflowed.increment();
    if (grpc) {
      if (this.grpcOverflow == 0) this.grpcOverflow = this.defineOverflow(true);
      return this.grpcOverflow;
    }
    if (this.overflow == 0) this.overflow = this.defineOverflow(false);
    return this.overflow;
  }

  private defineOverflow(grpc: bool): usize {
    const values = Values.create(this.plan.slots);
    for (let slot = 0; slot < this.plan.slots; slot++) values.set(slot, OVERFLOW);
    const record = heap.alloc(METRIC_COUNT * 4);
    memory.fill(record, 0, METRIC_COUNT * 4);
    this.define(record, values, grpc);
    return record;
  }

  /** Messages are counted of gRPC only: else every service would show that it had none. */
  private define(record: usize, values: Values, grpc: bool): void {
    for (let metric = 0; metric < METRIC_COUNT; metric++) {
      if (!this.plan.counts(metric) || (countsMessages(metric) && !grpc)) continue;
      store<u32>(record + <usize>(metric * 4), idOf(metric, statName(this.plan.metrics[metric], values)));
    }
  }
}

function statName(plan: MetricPlan, values: Values): Bytes {
  const labels = plan.labels;
  let size = plan.name.bytes.length;
  for (let i = 0; i < labels.length; i++)
    size += labels[i].prefix.bytes.length + valueOf(labels, i, values).length + FIELD_SEPARATOR.length;
  const start = arena.allocate(<usize>size);
  let at = start;
  for (let i = 0; i < labels.length; i++) {
    at = append(at, labels[i].prefix.bytes);
    at = writeValue(at, valueOf(labels, i, values));
    at = append(at, FIELD_SEPARATOR);
  }
  at = append(at, plan.name.bytes);
  return Bytes.view(start, <i32>(at - start));
}

function valueOf(labels: Label[], place: i32, values: Values): Bytes {
  const label = labels[place];
  const constant = label.constant;
  return constant != null ? constant.bytes : values.get(label.slot);
}

function append(at: usize, bytes: Bytes): usize {
  memory.copy(at, bytes.pointer, <usize>bytes.length);
  return at + <usize>bytes.length;
}

function idOf(metric: i32, name: Bytes): u32 {
  const table = idTable();
  const key = arena.allocate(17);
  store<u64>(key, xxHash64(name, seed));
  store<u64>(key, xxHash64(name, ~seed), 8);
  store<u8>(key, <u8>metric, 16);
  const bytes = Bytes.view(key, 17);
  const known = table.find(bytes);
  if (known != 0) return load<u32>(known);
  const id = isHistogram(metric) ? defineHistogram(name) : defineCounter(name);
  const record = table.add(bytes);
  if (record != 0) store<u32>(record, id);
  return id;
}

import { Status } from "./abi/enums.ts";

interface Metric {
  readonly type: number;
  /** Counters and gauges: the value. Histograms: the number of records. */
  value: bigint;
  /** Histograms only: what was recorded, oldest first. */
  readonly records: bigint[];
}

const COUNTER = 0;
const GAUGE = 1;
const HISTOGRAM = 2;
const U64 = (1n << 64n) - 1n;

/** The stats that modules define, by name: all VMs of the process share them, as in Envoy (there with the prefix `wasmcustom.`). */
export class MetricStore {
  private readonly metrics = new Map<string, Metric>();

  define(type: number, name: string): Metric {
    const key = `${type}:${name}`;
    let metric = this.metrics.get(key);
    if (metric === undefined) this.metrics.set(key, (metric = { type, value: 0n, records: [] }));
    return metric;
  }

  /** Counters and gauges by name. */
  values(): Record<string, number> {
    const shown = [...this.metrics].filter(([, { type }]) => type !== HISTOGRAM);
    return Object.fromEntries(shown.map(([key, metric]) => [key.slice(2), Number(metric.value)]));
  }

  /** What was recorded in a histogram, oldest first; empty where there is none of that name. */
  histogram(name: string): readonly number[] {
    return (this.metrics.get(`${HISTOGRAM}:${name}`)?.records ?? []).map(Number);
  }
}

/** The metric ids of one VM: the type in the two lowest bits, each definition a new id (`WasmBase::nextCounterMetricId`). */
export class MetricIds {
  private readonly store: MetricStore;
  private readonly byId = new Map<number, Metric>();
  private readonly last = [COUNTER, GAUGE, HISTOGRAM];

  constructor(store: MetricStore) {
    this.store = store;
  }

  /** The id; `undefined` where the type is none. */
  define(type: number, name: string): number | undefined {
    const last = this.last[type];
    if (last === undefined) return undefined;
    const id = last + 4;
    this.last[type] = id;
    this.byId.set(id, this.store.define(type, name));
    return id;
  }

  increment(id: number, offset: bigint): number {
    const type = id & 3;
    if (type !== COUNTER && type !== GAUGE) return Status.BadArgument;
    const metric = this.byId.get(id);
    if (metric === undefined) return Status.NotFound;
    if (type === COUNTER && offset <= 0n) return Status.BadArgument;
    metric.value = (metric.value + offset) & U64;
    return Status.Ok;
  }

  record(id: number, value: bigint): number {
    const metric = this.byId.get(id);
    if (metric === undefined) return Status.NotFound;
    if (metric.type === COUNTER) metric.value = (metric.value + value) & U64;
    else if (metric.type === GAUGE) metric.value = value;
    else {
      metric.value++;
      metric.records.push(value);
    }
    return Status.Ok;
  }

  /** The value, or the status that says why there is none. */
  get(id: number): bigint | number {
    if ((id & 3) !== COUNTER && (id & 3) !== GAUGE) return Status.BadArgument;
    return this.byId.get(id)?.value ?? Status.NotFound;
  }
}

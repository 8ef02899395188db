import { Text } from "../../lib/bytes";
import { MetricType } from "../abi/enums";
import { proxy_define_metric, proxy_get_metric, proxy_increment_metric, proxy_record_metric } from "../abi/hostcalls";
import { RESULT, resultU32, resultU64 } from "../abi/results";

/** Ids by name: the host makes a new id at each definition, so that configuration updates would pile them up. */
const defined = new Map<string, u32>();

function define(metricType: MetricType, name: string): u32 {
  const key = String.fromCharCode(0x30 + metricType) + name;
  if (defined.has(key)) return defined.get(key);
  const text = Text.of(name);
  // Fails only for a type that does not exist, or before the VM has started; id 0 is nobody's, and calls with it do nothing.
  const id = proxy_define_metric(metricType, text.bytes.pointer, <usize>text.bytes.length, RESULT) == 0 ? resultU32() : 0;
  defined.set(key, id);
  return id;
}

/** Counts up. Defined at configuration time; Envoy shows it as `wasmcustom.<name>`. */
@final
export class Counter {
  private readonly id: u32;

  constructor(name: string) {
    this.id = define(MetricType.Counter, name);
  }


  @inline
  increment(by: i64 = 1): void {
    proxy_increment_metric(this.id, by);
  }

  /** Over all workers. */
  get value(): u64 {
    return read(this.id);
  }
}

/** Goes up and down. */
@final
export class Gauge {
  private readonly id: u32;

  constructor(name: string) {
    this.id = define(MetricType.Gauge, name);
  }


  @inline
  add(by: i64): void {
    proxy_increment_metric(this.id, by);
  }


  @inline
  set(value: u64): void {
    proxy_record_metric(this.id, value);
  }

  get value(): u64 {
    return read(this.id);
  }
}

/** Collects values; it cannot be read back. */
@final
export class Histogram {
  private readonly id: u32;

  constructor(name: string) {
    this.id = define(MetricType.Histogram, name);
  }


  @inline
  record(value: u64): void {
    proxy_record_metric(this.id, value);
  }
}

function read(id: u32): u64 {
  return proxy_get_metric(id, RESULT) == 0 ? resultU64() : 0;
}

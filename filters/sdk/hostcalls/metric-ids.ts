import { Bytes } from "../../lib/bytes";
import { MetricType } from "../abi/enums";
import { proxy_define_metric, proxy_increment_metric, proxy_record_metric } from "../abi/hostcalls";
import { RESULT, resultU32 } from "../abi/results";

// For metrics whose names requests bring, without a managed object for each. The host makes a new id at each definition and keeps it until the VM
// ends, so that whoever defines remembers the id; ids hold for every root of the VM. `Counter`, `Gauge` and `Histogram` are for the others.

/** The id of a counter; 0, with which the calls below do nothing, where the host refuses. */
export function defineCounter(name: Bytes): u32 {
  return define(MetricType.Counter, name);
}

export function defineHistogram(name: Bytes): u32 {
  return define(MetricType.Histogram, name);
}

function define(metricType: MetricType, name: Bytes): u32 {
  return proxy_define_metric(metricType, name.pointer, <usize>name.length, RESULT) == 0 ? resultU32() : 0;
}

// @ts-ignore: decorator
@inline
export function incrementCounter(id: u32, by: i64): void {
  proxy_increment_metric(id, by);
}

// @ts-ignore: decorator
@inline
export function recordHistogram(id: u32, value: u64): void {
  proxy_record_metric(id, value);
}

import { toText } from "../byte-string.ts";
import type { Vm } from "../vm.ts";
import { Status } from "./enums.ts";
import { hostcall, type Hostcall } from "./hostcall.ts";

export const metricCalls: readonly Hostcall[] = [
  hostcall("proxy_define_metric", (vm, type, name, nameSize, idOut) => {
    if (!vm.inMemory(name, nameSize)) return Status.InvalidMemoryAccess;
    const id = vm.metrics.define(type >>> 0, toText(vm.readString(name, nameSize)));
    if (id === undefined) return Status.BadArgument;
    return vm.setWord(idOut, id) ? Status.Ok : Status.InvalidMemoryAccess;
  }),
  {
    name: "proxy_increment_metric",
    signature: "i32 i64 -> i32",
    run: (vm: Vm, id: number, offset: bigint) => vm.metrics.increment(id >>> 0, offset),
  },
  {
    name: "proxy_record_metric",
    signature: "i32 i64 -> i32",
    run: (vm: Vm, id: number, value: bigint) => vm.metrics.record(id >>> 0, BigInt.asUintN(64, value)),
  },
  hostcall("proxy_get_metric", (vm, id, valueOut) => {
    const value = vm.metrics.get(id >>> 0);
    if (typeof value === "number") return value;
    return vm.setLong(valueOut, value) ? Status.Ok : Status.InvalidMemoryAccess;
  }),
];

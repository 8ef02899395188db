import { Status } from "./enums.ts";
import { hostcall, type Hostcall } from "./hostcall.ts";

export const timeCalls: readonly Hostcall[] = [
  hostcall("proxy_set_tick_period_milliseconds", (vm, milliseconds) => {
    vm.setTickPeriod(vm.context().root.id, milliseconds >>> 0);
    return Status.Ok;
  }),
  hostcall("proxy_get_current_time_nanoseconds", (vm, out) =>
    vm.setLong(out, vm.worker.host.clock.now()) ? Status.Ok : Status.InvalidMemoryAccess,
  ),
];

import { Status } from "./enums.ts";
import { hostcall, type Hostcall } from "./hostcall.ts";

export const sharedDataCalls: readonly Hostcall[] = [
  hostcall("proxy_get_shared_data", (vm, key, keySize, valueOut, sizeOut, casOut) => {
    if (!vm.inMemory(key, keySize)) return Status.InvalidMemoryAccess;
    const found = vm.worker.host.sharedData.get(vm.config.vmId, vm.readString(key, keySize));
    if (found === undefined) return Status.NotFound;
    const status = vm.returnBytes(found.value, valueOut, sizeOut);
    if (status !== Status.Ok) return status;
    return vm.setWord(casOut, found.cas) ? Status.Ok : Status.InvalidMemoryAccess;
  }),
  hostcall("proxy_set_shared_data", (vm, key, keySize, value, valueSize, cas) => {
    if (!vm.inMemory(key, keySize) || !vm.inMemory(value, valueSize)) return Status.InvalidMemoryAccess;
    return vm.worker.host.sharedData.set(vm.config.vmId, vm.readString(key, keySize), vm.readBytes(value, valueSize), cas >>> 0);
  }),
];

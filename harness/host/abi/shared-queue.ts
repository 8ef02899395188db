import { Status } from "./enums.ts";
import { hostcall, type Hostcall } from "./hostcall.ts";

export const sharedQueueCalls: readonly Hostcall[] = [
  hostcall("proxy_register_shared_queue", (vm, name, nameSize, tokenOut) => {
    if (!vm.inMemory(name, nameSize)) return Status.InvalidMemoryAccess;
    const { id, plugin } = vm.context().root;
    // Looked up when the event comes, by the VM's key: one that was reloaded hears it too (`SharedQueue::enqueue` of proxy-wasm-cpp-host).
    const listening = () => (plugin === undefined ? vm : vm.worker.vm(plugin.vmKey));
    const notify = (token: number) => vm.worker.dispatcher.post(() => listening()?.contexts.get(id)?.onQueueReady(token));
    const token = vm.worker.host.queues.register(vm.config.vmId, vm.readString(name, nameSize), notify);
    return vm.setWord(tokenOut, token) ? Status.Ok : Status.InvalidMemoryAccess;
  }),
  hostcall("proxy_resolve_shared_queue", (vm, vmId, vmIdSize, name, nameSize, tokenOut) => {
    if (!vm.inMemory(vmId, vmIdSize) || !vm.inMemory(name, nameSize)) return Status.InvalidMemoryAccess;
    const owner = vmIdSize === 0 ? vm.config.vmId : vm.readString(vmId, vmIdSize);
    const token = vm.worker.host.queues.resolve(owner, vm.readString(name, nameSize));
    if (token === 0) return Status.NotFound;
    return vm.setWord(tokenOut, token) ? Status.Ok : Status.InvalidMemoryAccess;
  }),
  hostcall("proxy_enqueue_shared_queue", (vm, token, data, size) => {
    if (!vm.inMemory(data, size)) return Status.InvalidMemoryAccess;
    return vm.worker.host.queues.enqueue(token >>> 0, vm.readBytes(data, size));
  }),
  hostcall("proxy_dequeue_shared_queue", (vm, token, dataOut, sizeOut) => {
    const data = vm.worker.host.queues.dequeue(token >>> 0);
    return typeof data === "number" ? data : vm.returnBytes(data, dataOut, sizeOut);
  }),
];

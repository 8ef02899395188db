import { toLowerCase, toText } from "../byte-string.ts";
import type { GrpcRequest } from "../callouts.ts";
import { readPairs, toHeaderMap } from "../pairs.ts";
import type { Vm } from "../vm.ts";
import { Status } from "./enums.ts";
import { hostcall, type Hostcall } from "./hostcall.ts";

export const grpcCalls: readonly Hostcall[] = [
  hostcall(
    "proxy_grpc_call",
    (vm, service, serviceSize, name, nameSize, method, methodSize, metadata, metadataSize, message, messageSize, timeout, tokenOut) => {
      const request = readRequest(vm, service, serviceSize, name, nameSize, method, methodSize, metadata, metadataSize);
      if (request === undefined || !vm.inMemory(message, messageSize)) return Status.InvalidMemoryAccess;
      const token = vm.worker.callouts.grpcCall(vm.context().root, request, vm.readBytes(message, messageSize), timeout >>> 0);
      return returnToken(vm, token, tokenOut);
    },
  ),

  hostcall("proxy_grpc_stream", (vm, service, serviceSize, name, nameSize, method, methodSize, metadata, metadataSize, tokenOut) => {
    const request = readRequest(vm, service, serviceSize, name, nameSize, method, methodSize, metadata, metadataSize);
    if (request === undefined) return Status.InvalidMemoryAccess;
    return returnToken(vm, vm.worker.callouts.grpcStream(vm.context().root, request), tokenOut);
  }),

  hostcall("proxy_grpc_send", (vm, token, message, size, endStream) => {
    if (!vm.inMemory(message, size)) return Status.InvalidMemoryAccess;
    return vm.worker.callouts.grpcSend(vm.context().root, token >>> 0, vm.readBytes(message, size), endStream !== 0);
  }),
  hostcall("proxy_grpc_close", (vm, token) => vm.worker.callouts.grpcClose(vm.context().root, token >>> 0)),
  hostcall("proxy_grpc_cancel", (vm, token) => vm.worker.callouts.grpcCancel(vm.context().root, token >>> 0)),
];

function readRequest(
  vm: Vm,
  service: number,
  serviceSize: number,
  name: number,
  nameSize: number,
  method: number,
  methodSize: number,
  metadata: number,
  metadataSize: number,
): GrpcRequest | undefined {
  const inMemory =
    vm.inMemory(service, serviceSize) &&
    vm.inMemory(name, nameSize) &&
    vm.inMemory(method, methodSize) &&
    vm.inMemory(metadata, metadataSize);
  if (!inMemory) return undefined;
  return {
    grpcService: vm.readBytes(service, serviceSize),
    service: toText(vm.readString(name, nameSize)),
    method: toText(vm.readString(method, methodSize)),
    metadata: toHeaderMap("request", readPairs(vm.readBytes(metadata, metadataSize)), toLowerCase),
  };
}

function returnToken(vm: Vm, token: number, tokenOut: number): number {
  if (token < 0) return -token;
  return vm.setWord(tokenOut, token) ? Status.Ok : Status.InvalidMemoryAccess;
}

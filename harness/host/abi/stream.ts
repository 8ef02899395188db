import { toLowerCase } from "../byte-string.ts";
import { readPairs } from "../pairs.ts";
import { Status, StreamType } from "./enums.ts";
import { hostcall, type Hostcall } from "./hostcall.ts";

const LAST_GRPC_STATUS = 16;

export const streamCalls: readonly Hostcall[] = [
  hostcall("proxy_continue_stream", (vm, type) => (type >>> 0 > StreamType.Max ? Status.BadArgument : vm.context().continueStream(type)), [
    "0.2.0",
    "0.2.1",
  ]),
  hostcall("proxy_close_stream", (vm, type) => (type >>> 0 > StreamType.Max ? Status.BadArgument : vm.context().closeStream(type)), [
    "0.2.0",
    "0.2.1",
  ]),
  hostcall("proxy_continue_request", (vm) => vm.context().continueStream(StreamType.Request), ["0.1.0"]),
  hostcall("proxy_continue_response", (vm) => vm.context().continueStream(StreamType.Response), ["0.1.0"]),
  hostcall(
    "proxy_clear_route_cache",
    (vm) => {
      vm.context().clearRouteCache();
      return Status.Ok;
    },
    ["0.1.0"],
  ),

  hostcall("proxy_send_local_response", (vm, status, details, detailsSize, body, bodySize, pairs, pairsSize, grpcStatus) => {
    if (!vm.inMemory(details, detailsSize) || !vm.inMemory(body, bodySize) || !vm.inMemory(pairs, pairsSize))
      return Status.InvalidMemoryAccess;
    const { names, values } = readPairs(vm.readBytes(pairs, pairsSize));
    const result = vm.context().sendLocalResponse({
      status: status >>> 0,
      details: vm.readString(details, detailsSize),
      body: vm.readBytes(body, bodySize),
      headers: names.map((name, index) => [toLowerCase(name), values[index] ?? ""]),
      grpcStatus: grpcStatus >= 0 && grpcStatus <= LAST_GRPC_STATUS ? grpcStatus : undefined,
    });
    vm.stopIteration = true;
    return result;
  }),

  hostcall("proxy_set_effective_context", (vm, contextId) => {
    if (!vm.contexts.has(contextId >>> 0)) return Status.BadArgument;
    vm.effectiveId = contextId >>> 0;
    return Status.Ok;
  }),

  hostcall("proxy_done", (vm) => (vm.worker.done(vm.context()) ? Status.Ok : Status.NotFound)),
];

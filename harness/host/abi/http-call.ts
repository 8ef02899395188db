import { toLowerCase, toText } from "../byte-string.ts";
import { readPairs, toHeaderMap } from "../pairs.ts";
import { Status } from "./enums.ts";
import { hostcall, type Hostcall } from "./hostcall.ts";

export const httpCalls: readonly Hostcall[] = [
  hostcall(
    "proxy_http_call",
    (vm, cluster, clusterSize, headers, headersSize, body, bodySize, trailers, trailersSize, timeout, tokenOut) => {
      const inMemory =
        vm.inMemory(cluster, clusterSize) &&
        vm.inMemory(headers, headersSize) &&
        vm.inMemory(body, bodySize) &&
        vm.inMemory(trailers, trailersSize);
      if (!inMemory || !vm.setWord(tokenOut, 0)) return Status.InvalidMemoryAccess;
      if (timeout < 0) return Status.BadArgument;
      const token = vm.worker.callouts.http(vm.context().root, {
        cluster: toText(vm.readString(cluster, clusterSize)),
        headers: toHeaderMap("request", readPairs(vm.readBytes(headers, headersSize)), toLowerCase),
        body: vm.readBytes(body, bodySize),
        trailers: toHeaderMap("request-trailers", readPairs(vm.readBytes(trailers, trailersSize)), toLowerCase),
        timeout,
      });
      if (token < 0) return -token;
      vm.setWord(tokenOut, token);
      return Status.Ok;
    },
  ),
];

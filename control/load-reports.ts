import { create, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { type handleBidiStreamingCall, type MethodDefinition, type ServerDuplexStream, status } from "@grpc/grpc-js";
import type { SocketAddress } from "./envoy-api/generated/envoy/config/core/v3/address_pb.ts";
import { LoadStatsRequestSchema, LoadStatsResponseSchema } from "./envoy-api/generated/envoy/service/load_stats/v3/lrs_pb.ts";
import { milliseconds } from "./envoy-api/index.ts";
import type { ControlService } from "./control-service.ts";
import type { Loads } from "./health/index.ts";
import { formatHostAddress } from "./model/index.ts";
import { XdsError } from "./xds/server/index.ts";
import type { GrpcService } from "./xds/transport/index.ts";

type Request = MessageShape<typeof LoadStatsRequestSchema>;
type Response = MessageShape<typeof LoadStatsResponseSchema>;
type Call = ServerDuplexStream<Request, Response>;

const STREAM_LOAD_STATS: MethodDefinition<Request, Response> = {
  path: "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats",
  requestStream: true,
  responseStream: true,
  requestSerialize: (message) => Buffer.from(toBinary(LoadStatsRequestSchema, message)),
  requestDeserialize: (bytes) => fromBinary(LoadStatsRequestSchema, bytes),
  responseSerialize: (message) => Buffer.from(toBinary(LoadStatsResponseSchema, message)),
  responseDeserialize: (bytes) => fromBinary(LoadStatsResponseSchema, bytes),
};

/**
 * Envoy's load reporting service (LRS): what Envoy itself counted of each endpoint, without any filter. It asks for the clusters alone whose hosts may be judged. A stream is that of a proxy that is
 * connected, or will be; until then nothing of it counts. Where mesh-wide health is off, nothing is asked for, and the stream waits: refused, Envoy would come again every few seconds.
 */
export function loadReportingService(service: Pick<ControlService, "health" | "connectedAs">): GrpcService {
  const streamLoadStats: handleBidiStreamingCall<Request, Response> = (call) => serve(service, call);
  return { definition: { streamLoadStats: STREAM_LOAD_STATS }, implementation: { streamLoadStats } };
}

function serve(service: Pick<ControlService, "health" | "connectedAs">, call: Call): void {
  const client = { credentials: call.getAuthContext(), peer: call.getPeer() };
  let node = "";
  let asked: readonly string[] | undefined;
  const receive = async ({ node: told, clusterStats }: Request): Promise<void> => {
    // Envoy says who it is in the first request only.
    node ||= told?.id ?? "";
    const { health } = service;
    if (health === undefined) return;
    const proxy = await service.connectedAs(node, client);
    if (proxy !== undefined) health.health.loads(proxy.id, loadsOf(clusterStats));
    const clusters = health.reportedClusters();
    if (clusters === asked) return;
    asked = clusters;
    const interval = milliseconds(health.interval);
    call.write(
      create(LoadStatsResponseSchema, { clusters: [...clusters], loadReportingInterval: interval, reportEndpointGranularity: true }),
    );
  };
  call.on("data", (request: Request) => {
    call.pause();
    receive(request).then(
      () => call.resume(),
      (error: unknown) => {
        const { code, message } = XdsError.from(error);
        call.emit("error", { code: status[code], details: message });
      },
    );
  });
  call.on("end", () => call.end());
}

function* loadsOf(clusters: Request["clusterStats"]): Iterable<Loads> {
  for (const { clusterName: cluster, upstreamLocalityStats } of clusters) {
    for (const { upstreamEndpointStats } of upstreamLocalityStats) {
      for (const { address, totalSuccessfulRequests: good, totalErrorRequests: failed } of upstreamEndpointStats) {
        if (address?.address.case !== "socketAddress") continue;
        yield { cluster, address: textOf(address.address.value), good: Number(good), failed: Number(failed) };
      }
    }
  }
}

function textOf({ address, portSpecifier }: SocketAddress): string {
  return formatHostAddress(address, portSpecifier.case === "portValue" ? portSpecifier.value : 0);
}

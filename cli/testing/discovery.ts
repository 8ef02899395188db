import { create, createRegistry, fromBinary, fromJson, type DescMessage, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { type handleBidiStreamingCall, Server, ServerCredentials } from "@grpc/grpc-js";
import { ClusterSchema } from "../../control/envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { ListenerSchema } from "../../control/envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import { FileAccessLogSchema } from "../../control/envoy-api/generated/envoy/extensions/access_loggers/file/v3/file_pb.ts";
import { OriginalDstSchema } from "../../control/envoy-api/generated/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.ts";
import { RouterSchema } from "../../control/envoy-api/generated/envoy/extensions/filters/http/router/v3/router_pb.ts";
import { HttpConnectionManagerSchema } from "../../control/envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from "../../control/envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";

const LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener";
const CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const SERVICE = "/envoy.service.discovery.v3.AggregatedDiscoveryService";
const registry = createRegistry(RouterSchema, HttpConnectionManagerSchema, FileAccessLogSchema, OriginalDstSchema);

/** A control service that has one listener and one cluster for every proxy: what `proxy` does is seen without the real one. */
export interface Discovery extends AsyncDisposable {
  readonly port: number;
  /** The metadata of the nodes that asked, by delta and by state of the world. */
  readonly asked: ReadonlyArray<{ readonly delta: boolean; readonly id: string; readonly metadata: Readonly<Record<string, unknown>> }>;
}

/** In proto3 JSON. */
export interface Resources {
  readonly listeners: readonly JsonObject[];
  readonly clusters: readonly JsonObject[];
}

/** @param bind `127.0.0.1:0`, or `unix:PATH` */
export async function startDiscovery(
  bind: string,
  { listeners, clusters }: Resources,
  credentials = ServerCredentials.createInsecure(),
): Promise<Discovery> {
  const asked: Array<Discovery["asked"][number]> = [];
  const encode = (schema: typeof ListenerSchema | typeof ClusterSchema) => (json: JsonObject) => ({
    name: typeof json["name"] === "string" ? json["name"] : "",
    value: toBinary<DescMessage>(schema, fromJson<DescMessage>(schema, json, { registry })),
  });
  const resources: Readonly<Record<string, ReadonlyArray<{ readonly name: string; readonly value: Uint8Array }>>> = {
    [CLUSTER]: clusters.map(encode(ClusterSchema)),
    [LISTENER]: listeners.map(encode(ListenerSchema)),
  };
  const any = (typeUrl: string, value: Uint8Array) => create(AnySchema, { typeUrl, value });
  const delta: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    call.on("data", (bytes: Buffer) => {
      const { typeUrl, node, responseNonce } = fromBinary(DeltaDiscoveryRequestSchema, bytes);
      if (node !== undefined) asked.push({ delta: true, id: node.id, metadata: node.metadata ?? {} });
      if (responseNonce !== "") return;
      const list = (resources[typeUrl] ?? []).map(({ name, value }) => ({ name, version: "1", resource: any(typeUrl, value) }));
      call.write(
        Buffer.from(toBinary(DeltaDiscoveryResponseSchema, create(DeltaDiscoveryResponseSchema, { typeUrl, nonce: "1", resources: list }))),
      );
    });
    call.on("end", () => call.end());
  };
  const world: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    call.on("data", (bytes: Buffer) => {
      const { typeUrl, node, responseNonce } = fromBinary(DiscoveryRequestSchema, bytes);
      if (node !== undefined) asked.push({ delta: false, id: node.id, metadata: node.metadata ?? {} });
      if (responseNonce !== "") return;
      const list = (resources[typeUrl] ?? []).map(({ value }) => any(typeUrl, value));
      const response = create(DiscoveryResponseSchema, { typeUrl, nonce: "1", versionInfo: "1", resources: list });
      call.write(Buffer.from(toBinary(DiscoveryResponseSchema, response)));
    });
    call.on("end", () => call.end());
  };
  const server = new Server();
  server.addService({ delta: method("DeltaAggregatedResources"), world: method("StreamAggregatedResources") }, { delta, world });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(bind, credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return { port, asked, [Symbol.asyncDispose]: async () => server.forceShutdown() };
}

function method(name: string) {
  const same = (value: Buffer) => value;
  return {
    path: `${SERVICE}/${name}`,
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

/** A listener on the loopback interface that leads to a port of it, and logs requests to /dev/stdout. */
export function oneService(listenerPort: number, upstream: number): Resources {
  const at = (port: number) => ({ socket_address: { address: "127.0.0.1", port_value: port } });
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: at(upstream) } }] }];
  const typed = (message: string, fields: JsonObject = {}) => ({ "@type": `type.googleapis.com/envoy.extensions.${message}`, ...fields });
  const manager = typed("filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: "main",
    access_log: [{ name: "file", typed_config: typed("access_loggers.file.v3.FileAccessLog", { path: "/dev/stdout" }) }],
    route_config: {
      name: "main",
      virtual_hosts: [{ name: "main", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "upstream" } }] }],
    },
    http_filters: [{ name: "router", typed_config: typed("filters.http.router.v3.Router") }],
  });
  return {
    listeners: [{ name: "main", address: at(listenerPort), filter_chains: [{ filters: [{ name: "hcm", typed_config: manager }] }] }],
    clusters: [{ name: "upstream", type: "STATIC", connect_timeout: "2s", load_assignment: { cluster_name: "upstream", endpoints } }],
  };
}

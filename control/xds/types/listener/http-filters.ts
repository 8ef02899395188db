import { pack } from "../../../envoy-api/index.ts";
import { FilterConfigSchema as GrpcStatsSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/grpc_stats/v3/config_pb.ts";
import { GrpcWebSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.ts";
import { RouterSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/router/v3/router_pb.ts";
import type { HttpFilterSchema } from "../../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import type { ProxyView } from "../../../model/index.ts";
import type { HttpOptions } from "./http-connection-manager.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";

export type HttpFilter = MessageInitShape<typeof HttpFilterSchema>;

const grpcWeb = filter("envoy.filters.http.grpc_web", pack(GrpcWebSchema, {}));
const grpcStats = filter(
  "envoy.filters.http.grpc_stats",
  pack(GrpcStatsSchema, { emitFilterState: true, perMethodStatSpecifier: { case: "statsForAllMethods", value: { value: false } } }),
);

/** The HTTP filters of a listener, in Istio's order: what finds the routes, ours, Envoy's own, what carries out the routes, the router. */
export function httpFilters(view: ProxyView, { routes, protocol }: HttpOptions): HttpFilter[] {
  const { envoyDebugHeaders } = view.proxySettings().proxyHeaders;
  return [
    ...(routes.firstFilters ?? []),
    ...(protocol === "grpc-web" ? [grpcWeb] : []),
    grpcStats,
    ...(routes.lastFilters ?? []),
    filter("envoy.filters.http.router", pack(RouterSchema, { suppressEnvoyHeaders: !envoyDebugHeaders })),
  ];
}

function filter(name: string, value: ReturnType<typeof pack>): HttpFilter {
  return { name, configType: { case: "typedConfig", value } };
}

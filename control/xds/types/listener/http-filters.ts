import { pack, typeUrl } from "../../../envoy-api/index.ts";
import { WasmSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts";
import { fromAds } from "../config-source.ts";
import { chainOf, customFilterName, PLUGIN_TYPES } from "../filter/index.ts";
import { builtinFilters } from "../filter/plugins.ts";
import { claimsFilter } from "../route/claims.ts";
import { FilterConfigSchema as GrpcStatsSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/grpc_stats/v3/config_pb.ts";
import { GrpcWebSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.ts";
import { RouterSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/router/v3/router_pb.ts";
import type { ProxyView } from "../../../model/index.ts";
import { alpnOverride } from "./alpn-override.ts";
import type { HttpFilter } from "./http-filter.ts";
import type { HttpOptions } from "./http-options.ts";

const grpcWeb = filter("envoy.filters.http.grpc_web", pack(GrpcWebSchema, {}));
const grpcStats = filter(
  "envoy.filters.http.grpc_stats",
  pack(GrpcStatsSchema, { emitFilterState: true, perMethodStatSpecifier: { case: "statsForAllMethods", value: { value: false } } }),
);

/** The HTTP filters of a listener, in Istio's order: what finds the routes, ours, Envoy's own, what carries out the routes, the router. */
export function httpFilters(view: ProxyView, { routes, protocol, side, port }: HttpOptions): HttpFilter[] {
  const custom = customFilterName(view, side);
  const chain = chainOf(view, side, port);
  const ours = builtinFilters(view, side, port).map(({ name }) => name);
  const choosesRoute = chain.some(({ isOurs }) => !isOurs) || ours.some((name) => name !== "authorization" && name !== "telemetry");
  const { envoyDebugHeaders } = view.proxySettings().proxyHeaders;
  return [
    ...(routes.firstFilters ?? []),
    ...(routes.clusterFilters ?? []),
    ...(custom === undefined ? [] : [discovered(custom), ...(routes.clusterFilters ?? [])]),
    ...chain.map(({ name }) => discovered(name, PLUGIN_TYPES.HTTP)),
    ...(side === "gateway" && ours.includes("authentication") ? [claimsFilter] : []),
    // They may choose another route, with another cluster.
    ...(choosesRoute ? (routes.clusterFilters ?? []) : []),
    ...(protocol === "grpc-web" ? [grpcWeb] : []),
    grpcStats,
    ...(routes.lastFilters ?? []),
    // Behind all that may choose another route.
    ...(side !== "inbound" && view.client().identity ? [alpnOverride] : []),
    filter("envoy.filters.http.router", pack(RouterSchema, { suppressEnvoyHeaders: !envoyDebugHeaders })),
  ];
}

/** Apart from the listener (ECDS). Without a configuration it answers every request with 500, so nothing passes a filter that is not there. */
function discovered(name: string, typeUrls: readonly string[] = [typeUrl(WasmSchema)]): HttpFilter {
  const value = { configSource: fromAds(15_000), typeUrls: [...typeUrls] };
  return { name, configType: { case: "configDiscovery", value } };
}

function filter(name: string, value: ReturnType<typeof pack>): HttpFilter {
  return { name, configType: { case: "typedConfig", value } };
}

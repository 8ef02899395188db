import { create } from "@bufbuild/protobuf";
import { WasmSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts";
import {
  type HttpFilter,
  HttpFilterSchema,
} from "../../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { typeUrl } from "../../../envoy-api/index.ts";
import { CONTROL_CLUSTER, type HealthReportTarget, type Plugin } from "../../../model/index.ts";
import { fromAds } from "../config-source.ts";
import type { BuiltinFilter } from "./plugins.ts";

/** The resource with the filters of the upstream chain, one for all clusters of a proxy: what differs between clusters stands in their metadata. */
export const UPSTREAM_FILTER = "meshwright.mesh/upstream";

/** The plugin that asks for `ejection`; of several the first counts. */
export function ejectionPlugin(plugins: readonly Plugin[]): Plugin | undefined {
  return plugins.find(({ url }) => url === "builtin://ejection");
}

/** Hosts of which a proxy tells in a report, those that failed first. */
const MOST_HOSTS = 500;

/**
 * The filters of the upstream chain. Rules and limits are each cluster's own; where reports go is the same for all: where the plugin says, else, with mesh-wide health, to the control service, on whose
 * connection the proxy shows who it is.
 */
export function upstreamFilters({ pluginConfig }: Plugin, target: HealthReportTarget | undefined): readonly BuiltinFilter[] {
  const own = typeof pluginConfig === "object" && pluginConfig !== null && "report" in pluginConfig ? { report: pluginConfig.report } : {};
  const meshWide =
    target === undefined
      ? {}
      : { report: { cluster: CONTROL_CLUSTER, path: target.path, period: `${target.period}ms`, maxHosts: MOST_HOSTS } };
  return [{ name: "ejection", configuration: { ...meshWide, ...own } }];
}

/** The place of these filters in the chain of a cluster. The cluster is warm when they have come. */
export function upstreamFilter(): HttpFilter {
  return create(HttpFilterSchema, {
    name: UPSTREAM_FILTER,
    configType: { case: "configDiscovery", value: { configSource: fromAds(15_000), typeUrls: [typeUrl(WasmSchema)] } },
  });
}

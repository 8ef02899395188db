import { create } from "@bufbuild/protobuf";
import { WasmSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts";
import {
  type HttpFilter,
  HttpFilterSchema,
} from "../../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { typeUrl } from "../../../envoy-api/index.ts";
import type { Plugin } from "../../../model/index.ts";
import { fromAds } from "../config-source.ts";
import type { BuiltinFilter } from "./plugins.ts";

/** The resource with the filters of the upstream chain, one for all clusters of a proxy: what differs between clusters stands in their metadata. */
export const UPSTREAM_FILTER = "meshwright.mesh/upstream";

/** The plugin that asks for `ejection`; of several the first counts. */
export function ejectionPlugin(plugins: readonly Plugin[]): Plugin | undefined {
  return plugins.find(({ url }) => url === "builtin://ejection");
}

/** The filters of the upstream chain. Rules and limits are each cluster's own; where reports go is the same for all. */
export function upstreamFilters({ pluginConfig }: Plugin): readonly BuiltinFilter[] {
  const report =
    typeof pluginConfig === "object" && pluginConfig !== null && "report" in pluginConfig ? { report: pluginConfig.report } : {};
  return [{ name: "ejection", configuration: report }];
}

/** The place of these filters in the chain of a cluster. The cluster is warm when they have come. */
export function upstreamFilter(): HttpFilter {
  return create(HttpFilterSchema, {
    name: UPSTREAM_FILTER,
    configType: { case: "configDiscovery", value: { configSource: fromAds(15_000), typeUrls: [typeUrl(WasmSchema)] } },
  });
}

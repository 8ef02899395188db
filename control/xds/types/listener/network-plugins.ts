import type { Plugin, ProxyView } from "../../../model/index.ts";
import { fromAds } from "../config-source.ts";
import { PLUGIN_TYPES, type Side, userPluginName, userPlugins } from "../filter/index.ts";
import type { NetworkFilter } from "./filter-chain.ts";

/** Puts the users' modules that see connections (WasmPlugin's `type: NETWORK`) around what decides whether one may be; the last filter, which makes something of the bytes, comes behind them all. */
export function withNetworkPlugins(
  view: ProxyView,
  side: Side,
  port: number,
  { authorization = [], filters }: { readonly authorization?: readonly NetworkFilter[]; readonly filters: readonly NetworkFilter[] },
): readonly NetworkFilter[] {
  const plugins = userPlugins(view, side, port, "NETWORK");
  const isBefore = ({ phase }: Plugin): boolean => phase === "AUTHN" || phase === "AUTHZ";
  return [
    ...plugins.filter(isBefore).map(discovered),
    ...authorization,
    ...plugins.filter((plugin) => !isBefore(plugin)).map(discovered),
    ...filters,
  ];
}

/** Apart from the listener (ECDS). Without a configuration Envoy closes the connection. */
function discovered(plugin: Plugin): NetworkFilter {
  const value = { configSource: fromAds(15_000), typeUrls: [...PLUGIN_TYPES.NETWORK] };
  return { name: userPluginName(plugin), configType: { case: "configDiscovery", value } };
}

import { create, type MessageShape } from "@bufbuild/protobuf";
import { ClusterSchema } from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { TypedExtensionConfigSchema } from "../../../envoy-api/generated/envoy/config/core/v3/extension_pb.ts";
import { RBACSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts";
import { WasmSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts";
import { pack, typeUrl } from "../../../envoy-api/index.ts";
import type { ProxyView } from "../../../model/index.ts";
import type { Translated, XdsType } from "../xds-type.ts";
import { builtModules, type Modules } from "./modules.ts";
import { hasPlace, partsOf, phasesOf } from "./chain.ts";
import { meshPlugin } from "./plugin-config.ts";
import { type BuiltinFilter, builtinFilters, CUSTOM, customFilters, filterName, type Side, specialPorts } from "./plugins.ts";
import { proofOf } from "./proof.ts";
import { ejectionPlugin, UPSTREAM_FILTER, upstreamFilters } from "./upstream.ts";
import { userPlugin, userPluginName, userPluginOf } from "./user-plugin.ts";

export { builtModules, type Module, type Modules } from "./modules.ts";
export { chainOf, type ChainFilter, userPlugins } from "./chain.ts";
export { customFilterName, type Side } from "./plugins.ts";
export { PLUGIN_TYPES, userPluginName } from "./user-plugin.ts";
export { ejectionPlugin, UPSTREAM_FILTER, upstreamFilter } from "./upstream.ts";

/**
 * The filters that a proxy runs for all hosts, apart from its listeners (ECDS): a change of their configuration changes no listener, and one that a filter refuses leaves the
 * old one serving. What belongs to a host travels with its routes, not here.
 *
 * @param modules Default: those of this package
 */
export function filterType(modules: Modules = builtModules): XdsType<typeof TypedExtensionConfigSchema> {
  return {
    name: "filter",
    schema: TypedExtensionConfigSchema,
    // After listeners: Envoy asks for a filter only when a listener names it. After clusters, which filters call by their names, and which are only then taken away that older ones called.
    rules: { order: 60, complete: false, wildcard: false, waitsFor: [typeUrl(ClusterSchema)], keeps: true },
    units: (view) => [
      ...sides(view).flatMap((side) => namesOf(view, side)),
      ...view.plugins().flatMap((plugin) => (plugin.module === undefined ? [] : [userPluginName(plugin)])),
      ...(ejectionPlugin(view.plugins()) === undefined ? [] : [UPSTREAM_FILTER]),
    ],
    translate(view, unit) {
      const ejection = unit === UPSTREAM_FILTER ? ejectionPlugin(view.plugins()) : undefined;
      if (ejection !== undefined) return [meshFilters(view, unit, upstreamFilters(ejection, view.healthReports()), modules, "upstream")];
      const plugin = userPluginOf(view, unit);
      if (plugin !== undefined) return [userPlugin(view, plugin)];
      const [whole = "", part] = unit.split("#");
      const [, side = "", port = "0"] = whole.split("/");
      const filters =
        port === CUSTOM ? customFilters(view, side as Side) : builtinFilters(view, side as Side, Number(port), phasesOf(part));
      if (filters.length > 0) return [meshFilters(view, unit, filters, modules)];
      // Their place in the chain is there all the same (`chainOf`).
      return port !== CUSTOM && hasPlace(side as Side, phasesOf(part)) ? [{ name: unit, message: nothing(unit) }] : [];
    },
  };
}

/** Our filters of one side, which the module has to take; where it does not, and the proxy has nothing else, nothing passes. */
function meshFilters(
  view: ProxyView,
  name: string,
  filters: readonly BuiltinFilter[],
  modules: Modules,
  root: "downstream" | "upstream" = "downstream",
): Translated<typeof TypedExtensionConfigSchema> {
  const config = meshPlugin(view, name, filters, modules, root);
  return {
    name,
    message: extension(name, config),
    proofs: [proofOf(config, modules("mesh"))],
    closed: () => extension(name, meshPlugin(view, name, CLOSED[root], modules, root)),
  };
}

/** What refuses every request: a policy that allows nothing. In the chains of clusters nothing is decided, so nothing is refused there. */
const CLOSED: Readonly<Record<"downstream" | "upstream", readonly BuiltinFilter[]>> = {
  downstream: [
    { name: "authorization", configuration: { policies: [{ namespace: "meshwright", name: "refused-by-its-module", action: "ALLOW" }] } },
  ],
  upstream: [{ name: "ejection", configuration: {} }],
};

function extension(name: string, config: ReturnType<typeof meshPlugin>): MessageShape<typeof TypedExtensionConfigSchema> {
  return create(TypedExtensionConfigSchema, { name, typedConfig: pack(WasmSchema, { config }) });
}

/** A filter that does nothing: Envoy's RBAC without rules. */
function nothing(name: string): MessageShape<typeof TypedExtensionConfigSchema> {
  return create(TypedExtensionConfigSchema, { name, typedConfig: pack(RBACSchema, {}) });
}

function sides(view: ProxyView): readonly Side[] {
  return view.client().type === "router" ? ["gateway"] : ["outbound", "inbound"];
}

/** Names of all that there may be: which policies hold, and so which filters there are, is a fact of a single proxy, and units are those of all that share them. */
function namesOf(view: ProxyView, side: Side): readonly string[] {
  const custom = side === "outbound" ? [] : [`${filterName(side, 0)}/${CUSTOM}`];
  return [...custom, ...[0, ...specialPorts(view, side)].flatMap((port) => partsOf(view, filterName(side, port)))];
}

import { create } from "@bufbuild/protobuf";
import { TypedExtensionConfigSchema } from "../../../envoy-api/generated/envoy/config/core/v3/extension_pb.ts";
import { WasmSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts";
import { pack } from "../../../envoy-api/index.ts";
import type { ProxyView } from "../../../model/index.ts";
import type { Translated, XdsType } from "../xds-type.ts";
import { builtModules, type Modules } from "./modules.ts";
import { meshPlugin } from "./plugin-config.ts";
import { builtinFilters, filterName, type Side, specialPorts } from "./plugins.ts";
import { ejectionPlugin, UPSTREAM_FILTER, upstreamFilters } from "./upstream.ts";

export type { Module, Modules } from "./modules.ts";
export { meshFilterName, type Side } from "./plugins.ts";
export { ejectionPlugin, upstreamFilter } from "./upstream.ts";

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
    // After listeners: Envoy asks for a filter only when a listener names it.
    rules: { order: 60, complete: false, wildcard: false },
    units: (view) => [
      ...sides(view).flatMap((side) => namesOf(view, side)),
      ...(ejectionPlugin(view.plugins()) === undefined ? [] : [UPSTREAM_FILTER]),
    ],
    translate(view, unit) {
      const ejection = unit === UPSTREAM_FILTER ? ejectionPlugin(view.plugins()) : undefined;
      if (ejection !== undefined) return [resource(unit, meshPlugin(view, unit, upstreamFilters(ejection), modules, "upstream"))];
      const [, side = "", port = "0"] = unit.split("/");
      const filters = builtinFilters(view, side as Side, Number(port));
      if (filters.length === 0) return [];
      return [resource(unit, meshPlugin(view, unit, filters, modules))];
    },
  };
}

function resource(name: string, config: ReturnType<typeof meshPlugin>): Translated<typeof TypedExtensionConfigSchema> {
  return { name, message: create(TypedExtensionConfigSchema, { name, typedConfig: pack(WasmSchema, { config }) }) };
}

function sides(view: ProxyView): readonly Side[] {
  return view.client().type === "router" ? ["gateway"] : ["outbound", "inbound"];
}

/** Names of all that there may be: which policies hold, and so which filters there are, is a fact of a single proxy, and units are those of all that share them. */
function namesOf(view: ProxyView, side: Side): readonly string[] {
  return [0, ...specialPorts(view, side)].map((port) => filterName(side, port));
}

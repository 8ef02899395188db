import type { Plugin, ProxyView } from "../../../model/index.ts";
import { customAuthorization } from "./settings/authorization.ts";
import { settingsOf } from "./settings/index.ts";
import type { Side } from "./side.ts";

export type { Side } from "./side.ts";

const BUILTIN = "builtin://";

/**
 * The filters of each side, in the order in which requests pass them: who is asking and whether they may is decided where requests come in; where they go, where they go out.
 * `ejection` stands in the chains of clusters.
 */
const ORDER: Readonly<Record<Side, readonly string[]>> = {
  inbound: ["authentication", "authorization", "ratelimit", "telemetry"],
  outbound: ["routing", "fault", "ratelimit", "telemetry"],
  gateway: ["authentication", "authorization", "routing", "fault", "ratelimit", "telemetry"],
};

export interface BuiltinFilter {
  readonly name: string;
  readonly configuration: unknown;
}

/**
 * Filters for requests of a side on a port (0: on those that no plugin speaks of), in their order: those that objects of Istio's kinds speak to, and those of plugins; of several plugins for one filter the first
 * counts.
 */
export function builtinFilters(view: ProxyView, side: Side, port: number): readonly BuiltinFilter[] {
  const plugins = view.plugins().filter((plugin) => plugin.url.startsWith(BUILTIN) && applies(plugin, side, port));
  return ORDER[side].flatMap((name) => {
    const plugin = plugins.find(({ url }) => url === BUILTIN + name);
    const configuration = settingsOf(name, view, side, port, plugin === undefined ? undefined : (plugin.pluginConfig ?? {}));
    return configuration === undefined ? [] : [{ name, configuration }];
  });
}

/** What goes before all of these: the external authorizers of CUSTOM policies. */
export function customFilters(view: ProxyView, side: Side): readonly BuiltinFilter[] {
  const configuration = side === "outbound" ? undefined : customAuthorization(view, side, 0);
  return configuration === undefined ? [] : [{ name: "authorization", configuration }];
}

/** The name of their resource; undefined where there is none. */
export function customFilterName(view: ProxyView, side: Side): string | undefined {
  return customFilters(view, side).length === 0 ? undefined : `${filterName(side, 0)}/${CUSTOM}`;
}

export const CUSTOM = "custom";

/** Ports of a side for which some plugin is by its number. */
export function specialPorts(view: ProxyView, side: Side): readonly number[] {
  const ports = view
    .plugins()
    .filter(({ url }) => url.startsWith(BUILTIN))
    .flatMap(({ match }) => match.filter(({ mode }) => isOf(mode, side)).flatMap((each) => each.ports));
  return [...new Set(ports)].sort((a, b) => a - b);
}

function applies({ match }: Plugin, side: Side, port: number): boolean {
  return match.length === 0 || match.some(({ mode, ports }) => isOf(mode, side) && (ports.length === 0 || ports.includes(port)));
}

/** A gateway counts as a client of the services behind it (WasmPlugin's `match.mode`). */
function isOf(mode: Plugin["match"][number]["mode"], side: Side): boolean {
  return mode === "CLIENT_AND_SERVER" || (mode === "SERVER" ? side === "inbound" : side !== "inbound");
}

/** The name of the resource with a side's filters, for requests on a port; undefined where there is none. */
export function meshFilterName(view: ProxyView, side: Side, port: number): string | undefined {
  const special = specialPorts(view, side).includes(port);
  if (builtinFilters(view, side, special ? port : 0).length === 0) return undefined;
  return filterName(side, special ? port : 0);
}

/** The name of the resource of a side, for a port that some plugin speaks of, or (0) for all others. */
export function filterName(side: Side, port: number): string {
  return port === 0 ? `meshwright.mesh/${side}` : `meshwright.mesh/${side}/${port}`;
}

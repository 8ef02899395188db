import type { Plugin, ProxyView } from "../../../model/index.ts";
import { customAuthorization } from "./settings/authorization.ts";
import { settingsOf } from "./settings/index.ts";
import type { Side } from "./side.ts";

export type { Side } from "./side.ts";

const BUILTIN = "builtin://";

/** Parts of a chain, before each of which modules of users may stand, in the words of Istio's WasmPlugin. */
export const PHASES = ["AUTHN", "AUTHZ", "STATS"] as const;
export type Phase = (typeof PHASES)[number];

/**
 * The filters of each side, in the order in which requests pass them: who is asking and whether they may is decided where requests come in; where they go, where they go out.
 * `ejection` stands in the chains of clusters.
 */
const ORDER: Readonly<Record<Side, Readonly<Record<Phase, readonly string[]>>>> = {
  inbound: { AUTHN: ["authentication"], AUTHZ: ["authorization", "ratelimit"], STATS: ["telemetry"] },
  outbound: { AUTHN: [], AUTHZ: ["routing", "fault", "ratelimit"], STATS: ["telemetry"] },
  gateway: { AUTHN: ["authentication"], AUTHZ: ["authorization", "routing", "fault", "ratelimit"], STATS: ["telemetry"] },
};

export interface BuiltinFilter {
  readonly name: string;
  readonly configuration: unknown;
}

/**
 * Filters for requests of a side on a port (0: on those that no plugin speaks of), in their order: those that objects of Istio's kinds speak to, and those of plugins; of several plugins for one filter the first
 * counts.
 *
 * @param phases a part of them
 */
export function builtinFilters(view: ProxyView, side: Side, port: number, phases: readonly Phase[] = PHASES): readonly BuiltinFilter[] {
  const plugins = view.plugins().filter((plugin) => plugin.url.startsWith(BUILTIN) && applies(plugin, side, port));
  const names = phases.flatMap((phase) => ORDER[side][phase]);
  return names.flatMap((name) => {
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

/** Whether a plugin is for traffic of a side and a port. */
export function applies({ match }: Pick<Plugin, "match">, side: Side, port: number): boolean {
  return match.length === 0 || match.some(({ mode, ports }) => isOf(mode, side) && (ports.length === 0 || ports.includes(port)));
}

/** A gateway counts as a client of the services behind it (WasmPlugin's `match.mode`). */
function isOf(mode: Plugin["match"][number]["mode"], side: Side): boolean {
  return mode === "CLIENT_AND_SERVER" || (mode === "SERVER" ? side === "inbound" : side !== "inbound");
}

/** The name of the resource of a side, for a port that some plugin speaks of, or (0) for all others. */
export function filterName(side: Side, port: number): string {
  return port === 0 ? `meshwright.mesh/${side}` : `meshwright.mesh/${side}/${port}`;
}

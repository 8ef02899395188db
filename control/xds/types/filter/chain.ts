import type { Plugin, ProxyView } from "../../../model/index.ts";
import { applies, builtinFilters, filterName, type Phase, PHASES, specialPorts } from "./plugins.ts";
import type { Side } from "./side.ts";
import { userPluginName } from "./user-plugin.ts";

/** What stands in a chain, by the name of its resource: our filters, or a part of them, or the module of a user. */
export interface ChainFilter {
  readonly name: string;
  readonly isOurs: boolean;
}

/**
 * The filters of the HTTP chains of a side and a port, in their order. Ours are one resource; where users' modules stand between them, one for each part. Part and whole never share a name: what is under
 * a name always does the same, so that a chain that is about to be replaced loses none of its filters.
 */
export function chainOf(view: ProxyView, side: Side, port: number): readonly ChainFilter[] {
  const special = specialPorts(view, side).includes(port) ? port : 0;
  const modules = userPlugins(view, side, port, "HTTP");
  const chain: ChainFilter[] = [];
  let part: Phase[] = [];
  const endPart = (): void => {
    const isThere = hasPlace(side, part) || builtinFilters(view, side, special, part).length > 0;
    if (part.length > 0 && isThere) chain.push({ name: partName(filterName(side, special), part), isOurs: true });
    part = [];
  };
  for (const phase of PHASES) {
    const before = modules.filter((plugin) => plugin.phase === phase);
    if (before.length > 0) endPart();
    chain.push(...before.map(chainFilter));
    part.push(phase);
  }
  endPart();
  chain.push(...modules.filter(({ phase }) => phase === "UNSPECIFIED_PHASE").map(chainFilter));
  return chain;
}

/**
 * Whether these filters stand in the chain also where there are none: where requests come in, a first policy must hold for connections that are open already, and a change of the listener would leave those as
 * they were.
 */
export function hasPlace(side: Side, part: readonly Phase[]): boolean {
  return side !== "outbound" && (part.includes("AUTHN") || part.includes("AUTHZ"));
}

/** Modules of users for traffic of a side and a port, in their order. */
export function userPlugins(view: ProxyView, side: Side, port: number, type: Plugin["type"]): readonly Plugin[] {
  return view.plugins().filter((plugin) => plugin.module !== undefined && plugin.type === type && applies(plugin, side, port));
}

/** Every part that there may be of a side's filters, where a module of a user may stand between them: by name. */
export function partsOf(view: ProxyView, base: string): readonly string[] {
  const isSplit = view
    .plugins()
    .some(({ module, type, phase }) => module !== undefined && type === "HTTP" && (phase === "AUTHZ" || phase === "STATS"));
  return isSplit ? [base, ...PARTS.map((part) => partName(base, part))] : [base];
}

/** The phases of a part by the end of its name; all where there is none. */
export function phasesOf(part: string | undefined): readonly Phase[] {
  return PARTS.find((phases) => partName("", phases) === `#${part}`) ?? PHASES;
}

const PARTS: readonly (readonly Phase[])[] = [["AUTHN"], ["AUTHZ"], ["STATS"], ["AUTHN", "AUTHZ"], ["AUTHZ", "STATS"]];

function partName(base: string, phases: readonly Phase[]): string {
  return phases.length === PHASES.length ? base : `${base}#${phases.join("-")}`;
}

function chainFilter(plugin: Plugin): ChainFilter {
  return { name: userPluginName(plugin), isOurs: false };
}

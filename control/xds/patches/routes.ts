import { create } from "@bufbuild/protobuf";
import type { Route, VirtualHost } from "../../envoy-api/generated/envoy/config/route/v3/route_components_pb.ts";
import { type RouteConfiguration, RouteConfigurationSchema } from "../../envoy-api/generated/envoy/config/route/v3/route_pb.ts";
import { MetadataSchema } from "../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import type { Listener } from "../../envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import { mergeInto, messageOf } from "../../envoy-api/reflection/index.ts";
import type { ApplyTo, EnvoyPatch, ProxyView, VirtualHostMatch } from "../../model/index.ts";
import { type BoundPatch, isFor, isInPlace, valueOf } from "./bound-patch.ts";
import { LOOKUP_FILTER } from "../types/scope/lookup.ts";
import { Draft } from "./draft.ts";
import { indexIn, insert, removeFrom } from "./lists.ts";
import { changeManagers } from "./manager.ts";
import { type Lists, listsOf } from "./route-tree.ts";
import { matchesRoutes, type RoutePlace, routePlace } from "./route-place.ts";

/** What is in route configurations. */
export const ROUTE_THINGS: ReadonlySet<ApplyTo> = new Set<ApplyTo>(["ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE"]);

/** Changes a route configuration, as Istio's `ApplyRouteConfigurationPatches`. The very one where nothing is for it. */
export function patchRoutes(view: ProxyView, routes: RouteConfiguration, patches: readonly BoundPatch[]): RouteConfiguration {
  const at = routePlace(routes.name, view.client().type === "router" ? "GATEWAY" : "SIDECAR_OUTBOUND");
  const mine = patches.filter((each) => isInPlace(each, at.place) && concerns(routes, each.patch, at));
  const lists = listsOf(routes);
  const draft = new Draft(routes, routes.name, (candidate) => brokenRoutes(candidate, routes));
  for (const [applyTo, isAdd] of STEPS) {
    for (const each of mine) {
      if (each.patch.applyTo !== applyTo || (each.patch.operation === "ADD") !== isAdd || !isFor(each, view)) continue;
      draft.apply(each, (candidate) => change(candidate, each.patch, at, lists));
    }
  }
  return draft.isChanged ? found(draft.message, routes) : routes;
}

/** As the filters that look hosts up want it (`scope/lookup.ts`): without a host they look among the strangers, as in Istio; a host that has been put in the place of one is found as that was. */
function found(patched: RouteConfiguration, { name, virtualHosts: [first, ...more] }: RouteConfiguration): RouteConfiguration {
  if (first === undefined) return patched;
  if (patched.virtualHosts.length === 0) return create(RouteConfigurationSchema, { name });
  const mark = first.metadata?.filterMetadata[LOOKUP_FILTER];
  if (more.length > 0 || mark === undefined) return patched;
  for (const each of patched.virtualHosts) {
    each.metadata ??= create(MetadataSchema, {});
    each.metadata.filterMetadata[LOOKUP_FILTER] ??= mark;
  }
  return patched;
}

/** The routes of the workload's own ports. */
export function patchInlineRoutes(draft: Draft<Listener>, bound: BoundPatch): void {
  const { patch } = bound;
  draft.apply(bound, ({ filterChains, defaultFilterChain }) => {
    const chains = defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
    const changed = chains.filter((chain) =>
      changeManagers(chain, ({ routeSpecifier }) => {
        if (routeSpecifier.case !== "routeConfig") return false;
        const at = routePlace(routeSpecifier.value.name, "SIDECAR_INBOUND");
        return concerns(routeSpecifier.value, patch, at) && change(routeSpecifier.value, patch, at, listsOf(routeSpecifier.value));
      }),
    );
    return changed.length > 0;
  });
}

/** In Istio's order; what is added to virtual hosts comes behind what is changed in them. */
const STEPS: readonly (readonly [ApplyTo, boolean])[] = [
  ["ROUTE_CONFIGURATION", false],
  ["VIRTUAL_HOST", false],
  ["HTTP_ROUTE", false],
  ["HTTP_ROUTE", true],
  ["VIRTUAL_HOST", true],
];

/** Whether a patch may change something, before it is asked whether it is for the proxy. */
function concerns(
  { virtualHosts }: RouteConfiguration,
  { applyTo, operation, routeConfiguration: match }: EnvoyPatch,
  at: RoutePlace,
): boolean {
  if (!matchesRoutes(at, match)) return false;
  if (applyTo === "ROUTE_CONFIGURATION") return true;
  if (applyTo === "VIRTUAL_HOST" && operation === "ADD") return at.takesHosts;
  return virtualHosts.some((each) => matchesHost(each, match?.virtualHost));
}

function change(routes: RouteConfiguration, patch: EnvoyPatch, at: RoutePlace, lists: Lists): boolean {
  if (patch.applyTo === "ROUTE_CONFIGURATION") {
    const value = valueOf<RouteConfiguration>(patch);
    if (!at.takesHosts) value.virtualHosts = [];
    mergeInto(messageOf(routes.$typeName), routes, value);
    return true;
  }
  if (patch.applyTo === "VIRTUAL_HOST" && patch.operation === "ADD") {
    routes.virtualHosts.push(valueOf<VirtualHost>(patch));
    return true;
  }
  const meant = routes.virtualHosts.filter((each) => matchesHost(each, patch.routeConfiguration?.virtualHost));
  return (
    (patch.applyTo === "VIRTUAL_HOST"
      ? changeHosts(routes, meant, patch, lists)
      : meant.filter((each) => changeRoutes(each, patch, lists)).length) > 0
  );
}

function changeHosts(routes: RouteConfiguration, meant: readonly VirtualHost[], patch: EnvoyPatch, lists: Lists): number {
  for (const each of meant) {
    if (patch.operation === "REMOVE") routes.virtualHosts = routes.virtualHosts.filter((other) => other !== each);
    else if (patch.operation === "REPLACE")
      routes.virtualHosts = routes.virtualHosts.map((other) => (other === each ? valueOf<VirtualHost>(patch) : other));
    else {
      mergeInto(messageOf(each.$typeName), each, valueOf(patch));
      // Envoy takes one of both.
      if (each.matcher !== undefined && each.routes.length > 0) each.routes = [...lists(each), ...each.routes];
      if (each.routes.length > 0) delete each.matcher;
    }
  }
  return meant.length;
}

function changeRoutes(host: VirtualHost, patch: EnvoyPatch, lists: Lists): boolean {
  const routes = lists(host);
  if (!changeList(routes, patch)) return false;
  host.routes = routes;
  delete host.matcher;
  return true;
}

function changeList(routes: Route[], patch: EnvoyPatch): boolean {
  const match = patch.routeConfiguration?.virtualHost?.route;
  const isMeant = (route: Route): boolean => matchesRoute(route, match);
  switch (patch.operation) {
    case "REMOVE":
      return removeFrom(routes, isMeant);
    case "MERGE": {
      const meant = routes.filter(isMeant);
      for (const each of meant) mergeInto(messageOf(each.$typeName), each, valueOf(patch));
      return meant.length > 0;
    }
    default:
      return insert(routes, patch, valueOf(patch), { index: indexIn(routes, isMeant), isNamed: match !== undefined });
  }
}

function matchesHost({ name, domains }: VirtualHost, match: VirtualHostMatch | undefined): boolean {
  return (match?.name === undefined || match.name === name) && (match?.domainName === undefined || domains.includes(match.domainName));
}

const ACTIONS = { ROUTE: "route", REDIRECT: "redirect", DIRECT_RESPONSE: "directResponse" } as const;

function matchesRoute({ name, action }: Route, match: VirtualHostMatch["route"]): boolean {
  if (match === undefined) return true;
  return (match.name === undefined || match.name === name) && (match.action === "ANY" || ACTIONS[match.action] === action.case);
}

/** What Envoy refuses beside the constraints of its API: a domain that two virtual hosts have. */
function brokenRoutes(candidate: RouteConfiguration, { name }: RouteConfiguration): string | undefined {
  if (candidate.name !== name) return `would rename the route configuration to ${JSON.stringify(candidate.name)}, by which nobody knows it`;
  const owners = new Map<string, string>();
  for (const { name: host, domains } of candidate.virtualHosts) {
    for (const domain of domains) {
      const owner = owners.get(domain.toLowerCase());
      if (owner !== undefined)
        return `has virtual hosts ${JSON.stringify(owner)} and ${JSON.stringify(host)} for domain ${JSON.stringify(domain)}`;
      owners.set(domain.toLowerCase(), host);
    }
  }
  return undefined;
}

import { toBinary } from "@bufbuild/protobuf";
import {
  type FilterChain,
  FilterChainMatchSchema,
  type ListenerFilter,
} from "../../envoy-api/generated/envoy/config/listener/v3/listener_components_pb.ts";
import type { Listener } from "../../envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import { TrafficDirection } from "../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import { mergeInto, messageOf } from "../../envoy-api/reflection/index.ts";
import type { ApplyTo, EnvoyPatch, ProxyView } from "../../model/index.ts";
import { type BoundPatch, isFor, isInPlace, type Place, valueOf } from "./bound-patch.ts";
import { chainsFor, isTerminal, matchesListener, mergeNetworkFilters, patchNetworkFilters, removeChains } from "./chains.ts";
import { Draft } from "./draft.ts";
import { brokenHttpFilters, mergeHttpFilters, patchHttpFilters } from "./http-filters.ts";
import { indexIn, insert, removeFrom } from "./lists.ts";
import { changeManagers, managerOf } from "./manager.ts";
import { noteApplied } from "./outcomes.ts";
import { patchInlineRoutes, ROUTE_THINGS } from "./routes.ts";

/** What is in listeners. */
export const LISTENER_THINGS: ReadonlySet<ApplyTo> = new Set([
  "LISTENER",
  "LISTENER_FILTER",
  "FILTER_CHAIN",
  "NETWORK_FILTER",
  "HTTP_FILTER",
  ...ROUTE_THINGS,
]);

/** Changes a listener, as Istio's `patchListener`, thing by thing from the outside; undefined where it is removed. The very listener where nothing is for it. */
export function patchListener(view: ProxyView, listener: Listener, patches: readonly BoundPatch[]): Listener | undefined {
  const place = placeOf(view, listener);
  const mine = patches.filter(
    (each) => isInPlace(each, place) && (ROUTE_THINGS.has(each.patch.applyTo) || matchesListener(listener, each.patch)),
  );
  const draft = new Draft(listener, listener.name, (candidate) => brokenListener(candidate, listener));
  // The routes of the workload's own ports stand in its listener.
  const routes = place === "SIDECAR_INBOUND" ? mine.filter(({ patch }) => ROUTE_THINGS.has(patch.applyTo)) : [];
  for (const each of routes) if (isFor(each, view)) patchInlineRoutes(draft, each);
  for (const [applyTo, change] of STEPS) {
    for (const each of mine) {
      const { patch } = each;
      if (patch.applyTo !== applyTo || !isFor(each, view)) continue;
      if (applyTo === "LISTENER" && patch.operation === "REMOVE") {
        noteApplied(patch, listener.name);
        return undefined;
      }
      draft.apply(each, (candidate) => change(candidate, patch));
    }
  }
  return draft.message;
}

function placeOf(view: ProxyView, { trafficDirection }: Listener): Place {
  if (view.client().type === "router") return "GATEWAY";
  return trafficDirection === TrafficDirection.INBOUND ? "SIDECAR_INBOUND" : "SIDECAR_OUTBOUND";
}

type Step = readonly [ApplyTo, (listener: Listener, patch: EnvoyPatch) => boolean];

/** In Istio's order: chains that are added are not looked into. */
const STEPS: readonly Step[] = [
  ["LISTENER", (listener, patch) => patch.operation === "MERGE" && mergeWith(listener, patch)],
  ["LISTENER_FILTER", patchListenerFilters],
  [
    "FILTER_CHAIN",
    (listener, patch) =>
      patch.operation === "REMOVE" ? removeChains(listener, patch) : patch.operation === "MERGE" && mergeChains(listener, patch),
  ],
  ["NETWORK_FILTER", (listener, patch) => patch.operation !== "MERGE" && inChains(listener, patch, patchNetworkFilters)],
  ["NETWORK_FILTER", (listener, patch) => patch.operation === "MERGE" && inChains(listener, patch, mergeNetworkFilters)],
  ["HTTP_FILTER", (listener, patch) => patch.operation !== "MERGE" && inManagers(listener, patch, patchHttpFilters)],
  ["HTTP_FILTER", (listener, patch) => patch.operation === "MERGE" && inManagers(listener, patch, mergeHttpFilters)],
  ["FILTER_CHAIN", (listener, patch) => patch.operation === "ADD" && addChain(listener, patch)],
];

function mergeWith(listener: Listener, patch: EnvoyPatch): boolean {
  mergeInto(messageOf(listener.$typeName), listener, valueOf(patch));
  return true;
}

function mergeChains(listener: Listener, patch: EnvoyPatch): boolean {
  const chains = chainsFor(listener, patch);
  for (const chain of chains) mergeInto(messageOf(chain.$typeName), chain, valueOf(patch));
  return chains.length > 0;
}

function addChain(listener: Listener, patch: EnvoyPatch): boolean {
  listener.filterChains.push(valueOf<FilterChain>(patch));
  return true;
}

function inChains(listener: Listener, patch: EnvoyPatch, change: (chain: FilterChain, patch: EnvoyPatch) => boolean): boolean {
  return chainsFor(listener, patch).filter((chain) => change(chain, patch)).length > 0;
}

function inManagers(
  listener: Listener,
  patch: EnvoyPatch,
  change: (manager: NonNullable<ReturnType<typeof managerOf>>, patch: EnvoyPatch) => boolean,
): boolean {
  const name = patch.listener?.filterChain?.filter?.name;
  return inChains(listener, patch, (chain) =>
    changeManagers(chain, (manager, filter) => (name === undefined || name === filter.name) && change(manager, patch)),
  );
}

function patchListenerFilters({ listenerFilters }: Listener, patch: EnvoyPatch): boolean {
  const name = patch.listener?.listenerFilter;
  const index = indexIn(listenerFilters, (each) => each.name === name);
  switch (patch.operation) {
    case "REMOVE":
      return removeFrom(listenerFilters, (each) => each.name === name);
    case "REPLACE":
      if (index !== undefined) listenerFilters.splice(index, 1, valueOf<ListenerFilter>(patch));
      return index !== undefined;
    default:
      return insert(listenerFilters, patch, valueOf(patch), { index, isNamed: name !== undefined });
  }
}

/** What Envoy refuses of a listener beside the constraints of its API, or what nobody would find again. */
function brokenListener(candidate: Listener, { name }: Listener): string | undefined {
  if (candidate.name !== name) return `would rename the listener to ${JSON.stringify(candidate.name)}, by which nobody knows it`;
  const seen = new Map<string, string>();
  for (const chain of candidate.filterChains) {
    const key =
      chain.filterChainMatch === undefined ? "" : Buffer.from(toBinary(FilterChainMatchSchema, chain.filterChainMatch)).toString("base64");
    const earlier = seen.get(key);
    if (earlier !== undefined) return `has chain ${JSON.stringify(chain.name)} take the same connections as ${JSON.stringify(earlier)}`;
    seen.set(key, chain.name);
  }
  const { filterChains, defaultFilterChain } = candidate;
  if (filterChains.length === 0 && defaultFilterChain === undefined)
    return "leaves the listener without any chain; remove the listener instead";
  for (const chain of defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain]) {
    const terminal = indexIn(chain.filters, isTerminal);
    if (terminal !== undefined && terminal < chain.filters.length - 1)
      return `puts a filter behind ${chain.filters[terminal]?.name ?? ""}, which has to be the last; insert before it`;
    for (const filter of chain.filters) {
      const manager = managerOf(filter);
      const broken = manager === undefined ? undefined : brokenHttpFilters(manager);
      if (broken !== undefined) return broken;
    }
  }
  return undefined;
}

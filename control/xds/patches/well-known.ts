import type { EnvoyPatch } from "../../model/index.ts";
import { indexIn, type Target } from "./lists.ts";

interface Named {
  readonly name: string;
}

/** Filters of ours: authentication, authorization, routing, telemetry are in them, and in Istio's chains under names of their own. */
const OURS = /^meshwright\.(?!scope)/;

/** Istio's filters that decide whether a request may be, and what is before them: ours stand in their place as one. */
const BEFORE: ReadonlySet<string> = new Set([
  "envoy.filters.http.jwt_authn",
  "envoy.filters.http.rbac",
  "envoy.filters.http.ext_authz",
  "istio_authn",
  "istio.metadata_exchange",
]);

/** Those that come behind authorization there. */
const BEHIND: ReadonlySet<string> = new Set(["istio.stats", "envoy.filters.http.fault", "envoy.filters.http.cors"]);

/** Names of Istio's by which places in a chain are known here. */
export function isWellKnown(name: string): boolean {
  return BEFORE.has(name) || BEHIND.has(name);
}

/**
 * Where a patch inserts that names a filter. A filter of just this name counts first; else, of Istio's well-known ones, the place that it would have: before all of ours, or behind them. What is inserted behind a
 * filter of Istio's that authenticates comes behind authorization too, never before it.
 *
 * @param last where it goes in chains that have none of ours
 */
export function targetOf(
  filters: readonly Named[],
  name: string | undefined,
  { operation }: Pick<EnvoyPatch, "operation">,
  last: number,
): Target {
  if (name === undefined) return { index: undefined, isNamed: false };
  const index = indexIn(filters, (each) => each.name === name);
  if (index !== undefined || !isWellKnown(name)) return { index, isNamed: true };
  const isBefore = operation === "INSERT_BEFORE" || operation === "INSERT_FIRST";
  const place = isBefore && BEFORE.has(name) ? beforeOurs(filters, last) : behindOurs(filters, last);
  // Of what is inserted after: the filter before that place.
  return { index: isBefore ? place : place - 1, isNamed: true };
}

export function behindOurs(filters: readonly Named[], last: number): number {
  const index = filters.findLastIndex(({ name }) => OURS.test(name));
  return index < 0 ? last : index + 1;
}

function beforeOurs(filters: readonly Named[], last: number): number {
  return indexIn(filters, ({ name }) => OURS.test(name)) ?? last;
}

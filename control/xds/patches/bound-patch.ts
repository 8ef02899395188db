import type { Message } from "@bufbuild/protobuf";
import { RE2JS } from "re2js";
import { copyOf, messageOf, readMessage } from "../../envoy-api/reflection/index.ts";
import {
  type ApplyTo,
  byPriority,
  type EnvoyFilter,
  type EnvoyPatch,
  type PatchContext,
  PATCHED_MESSAGES,
  type ProxyView,
} from "../../model/index.ts";

/** A patch with the object that it is from. */
export interface BoundPatch {
  readonly filter: EnvoyFilter;
  readonly patch: EnvoyPatch;
}

/** Where a resource is: the context is never ANY. */
export type Place = Exclude<PatchContext, "ANY">;

/** The patches for some things that may hold for a proxy, in their order. Those that select workloads are among them: see {@link isFor}. */
export function patchesFor(view: ProxyView, things: ReadonlySet<ApplyTo>): readonly BoundPatch[] {
  const filters = view.namespacePolicies("EnvoyFilter");
  if (filters.length === 0) return NONE;
  return byPriority(filters, view.settings().rootNamespace).flatMap((filter) =>
    filter.patches.filter(({ applyTo }) => things.has(applyTo)).map((patch) => ({ filter, patch })),
  );
}

const NONE: readonly BoundPatch[] = [];

export function isInPlace({ patch }: BoundPatch, place: Place): boolean {
  return patch.context === "ANY" || patch.context === place;
}

/**
 * Whether a patch is for the proxy. Asked last, of what matches otherwise: the answer is a fact of a single proxy where the object selects workloads, or matches proxies.
 */
export function isFor({ filter, patch: { proxy } }: BoundPatch, view: ProxyView): boolean {
  if (Object.keys(filter.selector).length > 0 && !view.policies("EnvoyFilter").includes(filter)) return false;
  if (proxy === undefined) return true;
  const { proxyVersion, metadata } = proxy;
  if (proxyVersion !== undefined && !matchesVersion(proxyVersion, view.metadata("ISTIO_VERSION"))) return false;
  return Object.entries(metadata).every(([key, value]) => view.metadata(key) === value);
}

export function matchesVersion(pattern: string, version: string | undefined): boolean {
  if (version === undefined || version === "") return false;
  let compiled = VERSIONS.get(pattern);
  if (compiled === undefined) VERSIONS.set(pattern, (compiled = RE2JS.compile(pattern)));
  return compiled.matcher(version).find();
}

const VERSIONS = new Map<string, RE2JS>();
const VALUES = new WeakMap<EnvoyPatch, Message>();

/** A copy of a patch's value, to be put in or merged. */
export function valueOf<T extends Message>(patch: EnvoyPatch): T {
  const type = PATCHED_MESSAGES[patch.applyTo];
  let value = VALUES.get(patch);
  if (value === undefined) VALUES.set(patch, (value = readMessage(type, patch.value)));
  return copyOf(messageOf(type), value) as T;
}

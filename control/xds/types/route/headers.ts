import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOptionSchema,
} from "../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import type { HeaderOperations, Headers } from "../../../model/index.ts";
import type { Init } from "./init.ts";

type HeaderValueOption = Init<typeof HeaderValueOptionSchema>;

/** Fields that routes and the clusters of a weighted route have in common. */
export interface HeaderFields {
  readonly requestHeadersToAdd: HeaderValueOption[];
  readonly requestHeadersToRemove: string[];
  readonly responseHeadersToAdd: HeaderValueOption[];
  readonly responseHeadersToRemove: string[];
}

/** Header operations in Envoy's fields. Envoy removes before it adds, so what is set is there afterwards. */
export function headerFields({ request, response }: Headers): HeaderFields {
  return {
    requestHeadersToAdd: toAdd(request),
    requestHeadersToRemove: request.remove.filter((name) => !isInternal(name)),
    responseHeadersToAdd: toAdd(response),
    responseHeadersToRemove: response.remove.filter((name) => !isInternal(name)),
  };
}

/** Those of a route, then those of its only destination: the later word counts. */
export function joined(first: HeaderFields, second: HeaderFields): HeaderFields {
  return {
    requestHeadersToAdd: [...first.requestHeadersToAdd, ...second.requestHeadersToAdd],
    requestHeadersToRemove: [...first.requestHeadersToRemove, ...second.requestHeadersToRemove],
    responseHeadersToAdd: [...first.responseHeadersToAdd, ...second.responseHeadersToAdd],
    responseHeadersToRemove: [...first.responseHeadersToRemove, ...second.responseHeadersToRemove],
  };
}

/** `host` and `:authority` cannot be set as headers: they rewrite the authority. `set` beats `add`. */
export function authorityOf({ request }: Headers): string | undefined {
  return [...request.add, ...request.set].findLast(([name]) => isAuthority(name))?.[1];
}

function toAdd({ set, add }: HeaderOperations): HeaderValueOption[] {
  return [...options(set, AppendAction.OVERWRITE_IF_EXISTS_OR_ADD), ...options(add, AppendAction.APPEND_IF_EXISTS_OR_ADD)];
}

/** By name, as Istio has them, so that the order of a mapping in YAML means nothing. */
function options(pairs: HeaderOperations["set"], appendAction: AppendAction): HeaderValueOption[] {
  return pairs
    .filter(([name]) => !isInternal(name))
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, value]) => ({ header: { key, value }, appendAction }));
}

function isAuthority(name: string): boolean {
  const lower = name.toLowerCase();
  return lower === ":authority" || lower === "host";
}

function isInternal(name: string): boolean {
  return name.startsWith(":") || isAuthority(name);
}

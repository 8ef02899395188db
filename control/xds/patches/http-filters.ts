import { RouterSchema } from "../../envoy-api/generated/envoy/extensions/filters/http/router/v3/router_pb.ts";
import type {
  HttpConnectionManager,
  HttpFilter,
} from "../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { typeUrl } from "../../envoy-api/index.ts";
import type { EnvoyPatch } from "../../model/index.ts";
import { valueOf } from "./bound-patch.ts";
import { mergeFilter } from "./filter-config.ts";
import { indexIn, insert, removeFrom } from "./lists.ts";
import { behindOurs, targetOf } from "./well-known.ts";

/** Changes the HTTP filters of a chain by one patch that is not MERGE (Istio's `patchHTTPFilters`); whether anything changed. */
export function patchHttpFilters({ httpFilters: filters }: HttpConnectionManager, patch: EnvoyPatch): boolean {
  const name = patch.listener?.filterChain?.filter?.subFilter;
  const last = routerOf(filters);
  switch (patch.operation) {
    case "REMOVE":
      return removeFrom(filters, (each) => each.name === name);
    case "REPLACE": {
      const index = indexIn(filters, (each) => each.name === name);
      if (index !== undefined) filters.splice(index, 1, valueOf<HttpFilter>(patch));
      return index !== undefined;
    }
    case "ADD":
      return insert(filters, patch, valueOf(patch), UNNAMED, patch.filterClass === "UNSPECIFIED" ? last : behindOurs(filters, last));
    default:
      return insert(filters, patch, valueOf(patch), targetOf(filters, name, patch, last), last);
  }
}

const UNNAMED = { index: undefined, isNamed: false };

/** Merges a patch into those filters that it names, or into all (Istio's `mergeHTTPFilter`). */
export function mergeHttpFilters({ httpFilters }: HttpConnectionManager, patch: EnvoyPatch): boolean {
  const name = patch.listener?.filterChain?.filter?.subFilter;
  const meant = httpFilters.filter((each) => name === undefined || each.name === name);
  for (const each of meant) mergeFilter(each, valueOf<HttpFilter>(patch));
  return meant.length > 0;
}

/** Where the router is, behind which nothing may be; the end where there is none. */
function routerOf(filters: readonly HttpFilter[]): number {
  return indexIn(filters, isRouter) ?? filters.length;
}

function isRouter({ configType }: HttpFilter): boolean {
  return configType.case === "typedConfig" && configType.value.typeUrl === typeUrl(RouterSchema);
}

/** What Envoy refuses of a chain; undefined where it refuses nothing. */
export function brokenHttpFilters({ httpFilters }: HttpConnectionManager): string | undefined {
  const router = indexIn(httpFilters, isRouter);
  if (router === undefined) return "leaves a chain without envoy.filters.http.router, which has to be its last filter";
  return router < httpFilters.length - 1
    ? "puts a filter behind envoy.filters.http.router, which has to be the last; insert before it"
    : undefined;
}

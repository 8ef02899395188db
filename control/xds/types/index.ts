import { patched } from "../patches/index.ts";
import { clusterType } from "./cluster/index.ts";
import { endpointType } from "./endpoint/index.ts";
import { filterType } from "./filter/index.ts";
import { listenerType } from "./listener/index.ts";
import { rootsType } from "./roots/index.ts";
import { routeType } from "./route/index.ts";
import { scopeType } from "./scope/index.ts";
import { secretType } from "./secret/index.ts";
import type { XdsType } from "./xds-type.ts";

export type { Translated, XdsType } from "./xds-type.ts";

/** Every type of resource that proxies are given, as EnvoyFilters leave them. */
export const XDS_TYPES: readonly XdsType[] = [
  patched(listenerType),
  scopeType,
  patched(routeType),
  patched(clusterType()),
  endpointType,
  patched(filterType()),
  secretType,
  rootsType,
];

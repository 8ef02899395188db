import { isDeepStrictEqual } from "node:util";
import { typeUrl } from "./envoy-api/index.ts";
import { DRAINING_TYPE, HEALTH_TYPE, type Proxy } from "./model/index.ts";
import type { ResourceTypeRules } from "./xds/server/index.ts";
import { rootsType } from "./xds/types/roots/index.ts";

// Who stands beside an Envoy and has a stream of its own, with the node of that Envoy: an agent.

/** By which agents say how their workloads are. */
export const HEALTH: ResourceTypeRules = { typeUrl: HEALTH_TYPE, order: 2, complete: false, wildcard: false, reports: true };

/** By which agents say that their proxies are about to end. */
export const DRAINING: ResourceTypeRules = { typeUrl: DRAINING_TYPE, order: 3, complete: false, wildcard: false, reports: true };

/** Types that agents ask for, or report by. */
export const OF_AGENTS: ReadonlySet<string> = new Set([typeUrl(rootsType.schema), HEALTH_TYPE, DRAINING_TYPE]);

/** Whether two nodes say the same. Envoy does not write the fields of its metadata in one order for all of its streams. */
export function sameProxy(a: Proxy, b: Proxy): boolean {
  return isDeepStrictEqual(a, b);
}

/** Whether who comes with a proxy's node is beside it: in which variant the proxy itself asks, it does not know, and not always its version. */
export function attends(proxy: Proxy, agent: Proxy): boolean {
  return sameProxy(proxy, { ...agent, onDemand: proxy.onDemand, envoyVersion: agent.envoyVersion || proxy.envoyVersion });
}

import { isDeepStrictEqual } from "node:util";
import type { RetryPolicySchema, VirtualHostSchema } from "../../../envoy-api/generated/envoy/config/route/v3/route_components_pb.ts";
import { PreviousHostsPredicateSchema } from "../../../envoy-api/generated/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.ts";
import { PreviousPrioritiesConfigSchema } from "../../../envoy-api/generated/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.ts";
import { milliseconds, pack } from "../../../envoy-api/index.ts";
import type { Retries } from "../../../model/index.ts";
import type { Init } from "./init.ts";
import type { Route } from "./route.ts";

/** What Istio retries where nobody says: failures after which the service cannot have seen the request, and gRPC's `unavailable` and `cancelled`. */
const RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

const DEFAULT_ATTEMPTS = 2;

type RetryPolicy = Init<typeof RetryPolicySchema>;

const previousHosts = {
  name: "envoy.retry_host_predicates.previous_hosts",
  configType: { case: "typedConfig", value: pack(PreviousHostsPredicateSchema, {}) },
} as const;

/**
 * How often and when a request is sent again; undefined: never. A retry goes to another host than before, except where a hash binds the request to one and `retryIgnorePreviousHosts` does not ask for it.
 *
 * @param retries of the route, else the mesh's; undefined: Istio's default
 */
export function retryPolicy(retries: Retries | undefined, isHashed: boolean): RetryPolicy | undefined {
  if (retries !== undefined && retries.attempts <= 0) return undefined;
  const made = isHashed ? MADE.hashed : MADE.free;
  const key = retries ?? NOBODY_SAYS;
  let policy = made.get(key);
  if (policy === undefined) made.set(key, (policy = policyOf(retries, isHashed)));
  return policy;
}

/** Most routes of a mesh have the same: it is made once, and seen to be the same at once. */
const MADE = { hashed: new WeakMap<object, RetryPolicy>(), free: new WeakMap<object, RetryPolicy>() };
const NOBODY_SAYS = {};

function policyOf(retries: Retries | undefined, isHashed: boolean): RetryPolicy {
  const { retryOn, statusCodes } = conditions(retries?.retryOn);
  const elsewhere = retries?.ignorePreviousHosts ?? !isHashed;
  return {
    numRetries: retries?.attempts ?? DEFAULT_ATTEMPTS,
    retryOn,
    retriableStatusCodes: statusCodes,
    ...(elsewhere ? { retryHostPredicate: [previousHosts] } : {}),
    hostSelectionRetryMaxAttempts: 5n,
    ...(retries?.perTryTimeout ? { perTryTimeout: milliseconds(retries.perTryTimeout) } : {}),
    ...(retries?.backoff ? { retryBackOff: { baseInterval: milliseconds(retries.backoff) } } : {}),
    ...(retries?.retryRemoteLocalities === true ? { retryPriority: remoteLocalities } : {}),
  };
}

/**
 * Routes whose retries are all the same have them once, of their virtual host: Envoy takes those where a route has none (`VirtualHost.retry_policy`), and they are a good part of what a route is sent as. Where
 * one route that goes anywhere has others, or none, each keeps its own.
 */
export function withSharedRetries(
  routes: readonly Route[],
): { readonly routes: readonly Route[] } & Pick<Init<typeof VirtualHostSchema>, "retryPolicy"> {
  const going = routes.flatMap(({ action }) => (action?.case === "route" ? [action.value.retryPolicy] : []));
  const [first, ...others] = going;
  if (first === undefined || others.length === 0 || !others.every((each) => each === first || isDeepStrictEqual(each, first)))
    return { routes };
  return { routes: routes.map(withoutRetries), retryPolicy: first };
}

function withoutRetries(route: Route): Route {
  const { action } = route;
  if (action?.case !== "route") return route;
  const { retryPolicy: _, ...value } = action.value;
  return { ...route, action: { case: "route", value } };
}

/** Localities are priorities: after two attempts those that were tried are left out. */
const remoteLocalities = {
  name: "envoy.retry_priorities.previous_priorities",
  configType: { case: "typedConfig", value: pack(PreviousPrioritiesConfigSchema, { updateFrequency: 2 }) },
} as const;

/** `5xx,429`: Envoy's conditions, and numbers, which are status codes. */
function conditions(written: string | undefined): { readonly retryOn: string; readonly statusCodes: number[] } {
  if (written === undefined) return { retryOn: RETRY_ON, statusCodes: [] };
  const parts = written
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const statusCodes = parts.filter((part) => /^\d+$/.test(part)).map(Number);
  const names = parts.filter((part) => !/^\d+$/.test(part));
  if (statusCodes.length > 0 && !names.includes("retriable-status-codes")) names.push("retriable-status-codes");
  return { retryOn: names.join(","), statusCodes };
}

import type { Mesh } from "../../../control/mesh/index.ts";
import { type FieldPath, formatPath, type HttpRoute, objectKey, type ProxyView } from "../../../control/model/index.ts";
import type { Decision, ExchangeResult } from "../../../harness/target/index.ts";
import type { LoggedFields } from "./access-log.ts";
import { connectionRouteOf } from "./connection-route.ts";
import type { Origin } from "./decision-places.ts";
import { networkDecisions } from "./network-policies.ts";
import type { RouteOrigin, TaggedMesh } from "./tagged-routes.ts";

/** A decision, and what it comes from where that is an object. */
export interface Placed {
  readonly decision: Decision;
  readonly origin?: Origin | undefined;
}

/** Those of Envoy's own filters that decide for us, by the names that they have in its chains. */
const ROUTER = "envoy.filters.http.router";
const FAULT = "envoy.filters.http.fault";
const TCP_PROXY = "envoy.filters.network.tcp_proxy";

/** What Envoy itself decided about a request, before filters and after them. */
export interface NativeDecisions {
  readonly before: readonly Placed[];
  readonly after: readonly Placed[];
}

/**
 * What Envoy decided by what the mesh told it: policies of connections, then faults, the route and further attempts.
 *
 * @param inbound whether requests come to a workload, which has one way for all that came so far: that is no decision
 */
export function nativeDecisions(
  view: ProxyView,
  { originOf, mesh }: TaggedMesh,
  fields: LoggedFields,
  result: Pick<ExchangeResult, "outcome" | "details">,
  inbound: boolean,
): NativeDecisions {
  const origin = fields.object === null ? undefined : originOf(fields.object);
  const before = networkDecisions(fields.policies).map((decision): Placed => ({ decision }));
  if (fields.kind === "connection")
    return { before, after: inbound ? [] : connectionRoute(fields, origin ?? connectionRouteOf(view, fields)) };
  const route = origin === undefined ? undefined : routeAt(mesh, origin);
  return {
    before,
    after: [...faults(fields, origin, route), ...requestRoute(fields, result, origin, inbound), ...retries(fields, origin, route)],
  };
}

function connectionRoute({ cluster }: LoggedFields, origin: RouteOrigin | undefined): readonly Placed[] {
  return cluster === null ? [] : [routed(TCP_PROXY, origin, `to ${cluster}`)];
}

function requestRoute(
  { route, cluster }: LoggedFields,
  { outcome, details }: Pick<ExchangeResult, "outcome" | "details">,
  origin: RouteOrigin | undefined,
  inbound: boolean,
): readonly Placed[] {
  if (origin === undefined && (inbound || (route === null && cluster === null))) return [];
  const answers = outcome === "respond" && details === "direct_response";
  // A filter answered, or refused, what would have gone there; Envoy names no cluster then.
  const reason = cluster !== null ? `to ${cluster}` : answers ? "answers by itself" : "matched";
  return [routed(ROUTER, origin, reason)];
}

function routed(filter: string, origin: RouteOrigin | undefined, reason: string): Placed {
  const rule = origin === undefined ? "" : ruleOf(origin);
  const said = origin === undefined ? `${reason}, by no VirtualService` : reason;
  return { decision: { filter, rule, result: "route", reason: said }, origin };
}

function faults({ flags }: LoggedFields, origin: RouteOrigin | undefined, route: HttpRoute | undefined): readonly Placed[] {
  const injected = new Set((flags ?? "").split(","));
  const decided = (result: "delay" | "abort", reason: string): Placed => {
    const from = origin === undefined ? undefined : { ...origin, path: [...origin.path, "fault", result] };
    return { decision: { filter: FAULT, rule: from === undefined ? "" : ruleOf(from), result, reason }, origin: from };
  };
  const { delay, abort } = route?.fault ?? {};
  return [
    ...(injected.has("DelayInjected") ? [decided("delay", `milliseconds: ${delay?.fixedDelay ?? "unknown"}`)] : []),
    ...(injected.has("FaultInjected")
      ? [
          decided(
            "abort",
            abort !== undefined && "grpcStatus" in abort
              ? `gRPC status: ${abort.grpcStatus}`
              : `HTTP status: ${abort?.httpStatus ?? "unknown"}`,
          ),
        ]
      : []),
  ];
}

function retries({ attempts, flags }: LoggedFields, origin: RouteOrigin | undefined, route: HttpRoute | undefined): readonly Placed[] {
  if (attempts === null || attempts < 2) return [];
  const from = origin === undefined || route?.retries === undefined ? undefined : { ...origin, path: [...origin.path, "retries"] };
  const limit = (flags ?? "").includes("UpstreamRetryLimitExceeded") ? ", no more are allowed" : "";
  const by = from === undefined ? ", by the mesh's default" : "";
  return [
    {
      decision: {
        filter: ROUTER,
        rule: from === undefined ? "" : ruleOf(from),
        result: "route",
        reason: `attempts: ${attempts}${limit}${by}`,
      },
      origin: from,
    },
  ];
}

/** `default/reviews spec.http[3]` */
function ruleOf({ object, path }: { readonly object: RouteOrigin["object"]; readonly path: FieldPath }): string {
  return `${object.metadata.namespace}/${object.metadata.name} ${formatPath(path)}`;
}

function routeAt(mesh: Mesh, { object, path }: RouteOrigin): HttpRoute | undefined {
  const [, layer, index] = path;
  const [routing] = mesh.contributed(objectKey(object))?.routings ?? [];
  return layer === "http" ? routing?.http[Number(index)] : undefined;
}

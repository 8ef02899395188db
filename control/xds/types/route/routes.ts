import type { JsonObject } from "@bufbuild/protobuf";
import { type HostName, type HttpMatch, type HttpRoute, type MeshObject, type ProxyView } from "../../../model/index.ts";
import { outboundCluster } from "../cluster-name.ts";
import { action, type RoutePlace } from "./action.ts";
import { destinationLoading, hashPolicy, timeouts } from "./destination.ts";
import { filterSettings } from "./filter-settings.ts";
import { everything, isCatchAll, routeMatch, type RouteMatch } from "./match.ts";
import { retryPolicy } from "./retries.ts";
import type { Route } from "./route.ts";

/** One object's routes on a port, in order: one of Envoy's for each alternative. What would stand behind a route that takes everything is left out. */
export function routesOf(view: ProxyView, http: readonly HttpRoute[], place: RoutePlace): Route[] {
  const routes: Route[] = [];
  for (const route of http) {
    const matches =
      route.match.length === 0
        ? [undefined]
        : route.match.filter(({ port }) => port === undefined || port === place.port || place.ports?.includes(port) === true);
    for (const match of matches) {
      const made = routeOf(view, route, match, match?.port === undefined ? place : { ...place, port: match.port });
      routes.push(made);
      if (isCatchAll(made.match)) return routes;
    }
  }
  return routes;
}

/** Whether there are routes on a port, without making them. */
export function hasRoutes(http: readonly HttpRoute[], port: number): boolean {
  return http.some(({ match }) => match.length === 0 || match.some((each) => each.port === undefined || each.port === port));
}

/** Several objects' routes on one host, the oldest object first; those that take everything come last (Istio's `CombineVHostRoutes`). */
export function combinedRoutes(view: ProxyView, objects: readonly (readonly HttpRoute[])[], place: RoutePlace): Route[] {
  const routes = objects.flatMap((http) => routesOf(view, http, place));
  const last = routes.filter(({ match }) => isCatchAll(match));
  return objects.length < 2 ? routes : [...routes.filter(({ match }) => !isCatchAll(match)), ...last];
}

/** To a service of which no VirtualService speaks. */
export function defaultRoute(view: ProxyView, host: HostName, port: number): Route {
  const hashes = hashPolicy(view, { host, subset: undefined, port }, port);
  const retries = retryPolicy(view.settings().defaultHttpRetryPolicy, false);
  return {
    name: "default",
    match: everything,
    decorator: { operation: `${host}:${port}/*` },
    action: {
      case: "route",
      value: {
        clusterSpecifier: { case: "cluster", value: outboundCluster(host, port) },
        ...timeouts(view, undefined),
        ...(retries === undefined ? {} : { retryPolicy: retries }),
        hashPolicy: [...hashes],
      },
    },
  };
}

function routeOf(view: ProxyView, route: HttpRoute, match: HttpMatch | undefined, place: RoutePlace): Route {
  const done = action(view, route, place);
  const condition = routeMatch(match);
  return {
    name: match === undefined || match.name === "" ? route.name : `${route.name}.${match.name}`,
    match: condition,
    metadata: { filterMetadata: { istio: configMetadata(route.object) } },
    decorator: { operation: operation(done, condition, route.object, place.port) },
    typedPerFilterConfig: { ...filterSettings(route), ...loadingOf(view, route, place) },
    ...(match?.statPrefix === undefined ? {} : { statPrefix: match.statPrefix }),
    ...done,
  };
}

/** Several destinations have it each. */
function loadingOf(
  view: ProxyView,
  { route: [single, ...more] }: HttpRoute,
  { port }: RoutePlace,
): NonNullable<Route["typedPerFilterConfig"]> {
  return single === undefined || more.length > 0 ? {} : destinationLoading(view, single.destination, port);
}

/** Which object a route is from, where Istio's tools look for it. */
function configMetadata({ metadata: { namespace, name } }: MeshObject): JsonObject {
  return { config: `/apis/networking.istio.io/v1/namespaces/${namespace}/virtual-service/${name}` };
}

/** What traces call the route: `reviews.default.svc.cluster.local:9080/api*`; with several destinations the object's name stands for the host. */
function operation({ action: done }: Pick<Route, "action">, match: RouteMatch, { metadata }: MeshObject, port: number): string {
  const cluster = done?.case === "route" && done.value.clusterSpecifier?.case === "cluster" ? done.value.clusterSpecifier.value : undefined;
  if (cluster === undefined) return `${metadata.name}:${port}${pathOf(match)}`;
  const [, number = "", , host = ""] = cluster.split("|");
  return `${host}:${number}${pathOf(match)}`;
}

function pathOf({ pathSpecifier }: RouteMatch): string {
  switch (pathSpecifier?.case) {
    case "prefix":
      return `${pathSpecifier.value}*`;
    case "path":
      return pathSpecifier.value;
    case "safeRegex":
      return pathSpecifier.value.regex ?? "";
    default:
      return "";
  }
}

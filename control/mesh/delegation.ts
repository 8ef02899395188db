import { type HttpRoute, matchesWithin, type Routing } from "../model/index.ts";

/**
 * The routes of an object with delegates put in the place of the routes that name them (one level). A delegate's route is taken where each of its matches lies within one of the root's; it is dropped where one does not, and so
 * is a route whose delegate is not there (Istio's `mergeVirtualServicesIfNeeded`).
 */
export function withDelegates(routing: Routing, find: (namespace: string, name: string) => Routing | undefined): Routing {
  if (!routing.http.some(({ delegate }) => delegate !== undefined)) return routing;
  const http = routing.http.flatMap((root) => {
    if (root.delegate === undefined) return [root];
    const delegate = find(root.delegate.namespace, root.delegate.name);
    // A delegate has no hosts; what has some is a root, and not meant.
    if (delegate === undefined || delegate.hosts.length > 0) return [];
    return delegate.http.filter((route) => route.delegate === undefined).flatMap((route) => mergeRoute(root, route) ?? []);
  });
  return { ...routing, http };
}

function mergeRoute(root: HttpRoute, route: HttpRoute): HttpRoute | undefined {
  const match = matchesWithin(root.match, route.match);
  if (match === undefined) return undefined;
  return {
    ...route,
    name: root.name !== "" && route.name !== "" ? `${root.name}-${route.name}` : root.name || route.name,
    match,
    rewrite: route.rewrite ?? root.rewrite,
    directResponse: route.directResponse ?? root.directResponse,
    timeout: route.timeout ?? root.timeout,
    retries: route.retries ?? root.retries,
    fault: route.fault ?? root.fault,
    mirror: mergeMirror(root.mirror, route.mirror),
    mirrors: route.mirrors.length > 0 ? route.mirrors : root.mirrors,
    cors: route.cors ?? root.cors,
    headers: isEmpty(route.headers) ? root.headers : route.headers,
  };
}

/** Field by field, as all others. */
function mergeMirror(root: HttpRoute["mirror"], route: HttpRoute["mirror"]): HttpRoute["mirror"] {
  if (root === undefined || route === undefined) return route ?? root;
  return {
    destination: route.destination ?? root.destination,
    percentage: route.percentage ?? root.percentage,
    percent: route.percent ?? root.percent,
  };
}

/** Whoever says something of headers says all of it. */
function isEmpty({ request, response }: HttpRoute["headers"]): boolean {
  return [request, response].every(({ set, add, remove }) => set.length + add.length + remove.length === 0);
}

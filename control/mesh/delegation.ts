import type { HttpMatch, HttpRoute, Routing, StringMatch } from "../model/index.ts";

/**
 * The routes of an object with delegates put in the place of the routes that name them (one level). A delegate's route is taken where its matches lie within the root's; it is dropped where they do not, and so
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
  const match = mergeMatches(root.match, route.match);
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
    mirrors: route.mirrors.length > 0 ? route.mirrors : root.mirrors,
    cors: route.cors ?? root.cors,
    headers: {
      request: mergeOperations(root.headers.request, route.headers.request),
      response: mergeOperations(root.headers.response, route.headers.response),
    },
  };
}

type Operations = HttpRoute["headers"]["request"];

/** The delegate's word on a header counts. */
function mergeOperations(root: Operations, route: Operations): Operations {
  const merge = (of: Operations["set"], over: Operations["set"]): Operations["set"] => [...new Map([...of, ...over])];
  return { set: merge(root.set, route.set), add: merge(root.add, route.add), remove: [...new Set([...root.remove, ...route.remove])] };
}

function mergeMatches(root: readonly HttpMatch[], route: readonly HttpMatch[]): readonly HttpMatch[] | undefined {
  if (root.length === 0) return route;
  if (route.length === 0) return root;
  const merged = route.flatMap((inner) => root.filter((outer) => !conflicts(outer, inner)).map((outer) => mergeMatch(outer, inner)));
  return merged.length > 0 ? merged : undefined;
}

function mergeMatch(outer: HttpMatch, inner: HttpMatch): HttpMatch {
  const together = <T extends { readonly name: string }>(a: readonly T[], b: readonly T[]): readonly T[] => [
    ...a.filter(({ name }) => !b.some((each) => each.name === name)),
    ...b,
  ];
  return {
    name: outer.name !== "" && inner.name !== "" ? `${outer.name}-${inner.name}` : outer.name || inner.name,
    uri: inner.uri ?? outer.uri,
    ignoreUriCase: inner.uri === undefined ? outer.ignoreUriCase : inner.ignoreUriCase,
    scheme: inner.scheme ?? outer.scheme,
    method: inner.method ?? outer.method,
    authority: inner.authority ?? outer.authority,
    headers: together(outer.headers, inner.headers),
    withoutHeaders: together(outer.withoutHeaders, inner.withoutHeaders),
    queryParams: together(outer.queryParams, inner.queryParams),
    port: inner.port ?? outer.port,
    sourceLabels: { ...outer.sourceLabels, ...inner.sourceLabels },
    sourceNamespace: inner.sourceNamespace ?? outer.sourceNamespace,
    gateways: outer.gateways ?? inner.gateways,
    statPrefix: inner.statPrefix ?? outer.statPrefix,
  };
}

/** Whether the delegate's match reaches beyond the root's. */
function conflicts(outer: HttpMatch, inner: HttpMatch): boolean {
  if ((inner.gateways ?? []).length > 0) return true;
  if (
    beyond(outer.uri, inner.uri) ||
    beyond(outer.scheme, inner.scheme) ||
    beyond(outer.method, inner.method) ||
    beyond(outer.authority, inner.authority)
  )
    return true;
  for (const list of ["headers", "withoutHeaders", "queryParams"] as const) {
    for (const { name, value } of outer[list]) {
      const same = inner[list].find((each) => each.name === name);
      if (same === undefined || value === "present") continue;
      if (same.value === "present" || beyond(value, same.value)) return true;
    }
  }
  if (outer.port !== undefined && inner.port !== undefined && outer.port !== inner.port) return true;
  if (outer.sourceNamespace !== undefined && inner.sourceNamespace !== undefined && outer.sourceNamespace !== inner.sourceNamespace)
    return true;
  return Object.entries(outer.sourceLabels).some(([key, value]) => key in inner.sourceLabels && inner.sourceLabels[key] !== value);
}

/** Istio's `stringMatchConflict`: regular expressions are compared with nothing, so they never fit into another match, nor another into them. */
function beyond(outer: StringMatch | undefined, inner: StringMatch | undefined): boolean {
  if (outer === undefined || inner === undefined) return false;
  if ("regex" in outer || "regex" in inner) return true;
  if ("exact" in outer) return !("exact" in inner) || inner.exact !== outer.exact;
  return !("exact" in inner ? inner.exact : inner.prefix).startsWith(outer.prefix);
}

import type { HttpMatch, HttpRoute, Routing, StringMatch } from "../model/index.ts";

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
    headers: isEmpty(route.headers) ? root.headers : route.headers,
  };
}

/** Whoever says something of headers says all of it. */
function isEmpty({ request, response }: HttpRoute["headers"]): boolean {
  return [request, response].every(({ set, add, remove }) => set.length + add.length + remove.length === 0);
}

/** Undefined where a match of the delegate lies within none of the root's: then none of them counts. */
function mergeMatches(root: readonly HttpMatch[], route: readonly HttpMatch[]): readonly HttpMatch[] | undefined {
  if (root.length === 0) return route;
  if (route.length === 0) return root;
  const merged = route.map((inner) => root.filter((outer) => !conflicts(outer, inner)).map((outer) => mergeMatch(outer, inner)));
  return merged.every((alternatives) => alternatives.length > 0) ? merged.flat() : undefined;
}

function mergeMatch(outer: HttpMatch, inner: HttpMatch): HttpMatch {
  const together = <T extends { readonly name: string }>(a: readonly T[], b: readonly T[]): readonly T[] => [
    ...a.filter(({ name }) => !b.some((each) => each.name === name)),
    ...b,
  ];
  return {
    name: outer.name !== "" && inner.name !== "" ? `${outer.name}-${inner.name}` : outer.name || inner.name,
    uri: inner.uri ?? outer.uri,
    ignoreUriCase: inner.ignoreUriCase,
    scheme: inner.scheme ?? outer.scheme,
    method: inner.method ?? outer.method,
    authority: inner.authority ?? outer.authority,
    headers: together(outer.headers, inner.headers),
    withoutHeaders: together(outer.withoutHeaders, inner.withoutHeaders),
    queryParams: together(outer.queryParams, inner.queryParams),
    port: inner.port ?? outer.port,
    sourceLabels: { ...outer.sourceLabels, ...inner.sourceLabels },
    sourceNamespace: inner.sourceNamespace ?? outer.sourceNamespace,
    gateways: inner.gateways ?? outer.gateways,
    statPrefix: inner.statPrefix ?? outer.statPrefix,
  };
}

/** Whether the delegate's match reaches beyond the root's (Istio's `hasConflict`, which takes a match that does not repeat the root's namespace for one that does). */
function conflicts(outer: HttpMatch, inner: HttpMatch): boolean {
  const { port, sourceNamespace, gateways } = outer;
  return (
    beyond(outer.uri, inner.uri) ||
    beyond(outer.scheme, inner.scheme) ||
    beyond(outer.method, inner.method) ||
    beyond(outer.authority, inner.authority) ||
    (["headers", "withoutHeaders", "queryParams"] as const).some((list) =>
      inner[list].some(({ name, value }) => beyond(outer[list].find((each) => each.name === name)?.value, value)),
    ) ||
    outer.ignoreUriCase !== inner.ignoreUriCase ||
    (port !== undefined && inner.port !== undefined && port !== inner.port) ||
    (sourceNamespace !== undefined && inner.sourceNamespace !== sourceNamespace) ||
    Object.entries(inner.sourceLabels).some(([key, value]) => (outer.sourceLabels[key] ?? value) !== value) ||
    (gateways !== undefined && (inner.gateways ?? []).some((gateway) => !gateways.includes(gateway)))
  );
}

/** Istio's `stringMatchConflict`: regular expressions and presence are compared with nothing, so they never fit into another match, nor another into them; nor does an empty text. */
function beyond(outer: StringMatch | "present" | undefined, inner: StringMatch | "present" | undefined): boolean {
  if (outer === undefined || inner === undefined) return false;
  if (outer === "present" || inner === "present" || "regex" in outer || "regex" in inner) return true;
  const literal = "exact" in inner ? inner.exact : inner.prefix;
  if (literal === "") return true;
  return "exact" in outer ? !("exact" in inner) || literal !== outer.exact : !literal.startsWith(outer.prefix);
}

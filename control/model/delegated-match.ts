import type { HttpMatch, StringMatch } from "./routing.ts";

/**
 * The matches of a delegate's route within those of the route that names the delegate: each with each that it lies within. Undefined where one of the delegate's lies within none of the root's: then
 * none of them counts, and the route is left out (Istio's `mergeHTTPMatchRequests`).
 */
export function matchesWithin(root: readonly HttpMatch[], route: readonly HttpMatch[]): readonly HttpMatch[] | undefined {
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

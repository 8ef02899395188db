import type {
  RedirectActionSchema,
  RouteActionSchema,
  RouteSchema,
} from "../../../envoy-api/generated/envoy/config/route/v3/route_components_pb.ts";
import { RedirectAction_RedirectResponseCode as RedirectCode } from "../../../envoy-api/generated/envoy/config/route/v3/route_components_pb.ts";
import { type HttpRoute, mirrorsOf, type ProxyView, type Redirect, type WeightedDestination } from "../../../model/index.ts";
import { destinationCluster, destinationLoading, hashPolicy, timeouts } from "./destination.ts";
import { fraction } from "./filter-settings.ts";
import { authorityOf, type HeaderFields, headerFields, joined } from "./headers.ts";
import type { Init } from "./init.ts";
import { retryPolicy } from "./retries.ts";

/** On which port a route is, and whether requests come over TLS. */
export interface RoutePlace {
  readonly port: number;
  /** More numbers by which requests may have come; whoever speaks of none of them has `port`. Default: none. */
  readonly ports?: readonly number[];
  readonly isTls: boolean;
}

type Route = Init<typeof RouteSchema>;
type RouteAction = Init<typeof RouteActionSchema>;
/** What a route does, with the header operations that go with it. */
type Done = Pick<Route, "action"> & HeaderFields;

/** What a route does with a request that it matches. */
export function action(view: ProxyView, route: HttpRoute, place: RoutePlace): Done {
  const own = headerFields(route.headers);
  if (route.redirect !== undefined) return { ...own, action: { case: "redirect", value: redirectAction(route.redirect, place) } };
  if (route.directResponse !== undefined) {
    const { status, body } = route.directResponse;
    const answer = { status, ...(body === undefined ? {} : { body: { specifier: { case: "inlineBytes" as const, value: body } } }) };
    return { ...own, action: { case: "directResponse", value: answer } };
  }
  const [single, ...more] = route.route;
  const shared = sharedAction(view, route, place);
  const authority = route.rewrite?.authority ?? authorityOf(route.headers);
  if (single !== undefined && more.length === 0) {
    const { destination, headers } = single;
    const host = authority ?? authorityOf(headers);
    const value: RouteAction = {
      ...shared,
      ...hostRewrite(host),
      clusterSpecifier: { case: "cluster", value: destinationCluster(view, destination, place.port) },
    };
    return { ...joined(own, headerFields(headers)), action: { case: "route", value } };
  }
  // A weight of 0 beside others takes no part.
  const clusters = route.route.filter(({ weight }) => weight > 0).map((each) => weightedCluster(view, each, place));
  const value: RouteAction = {
    ...shared,
    ...hostRewrite(authority),
    clusterSpecifier: { case: "weightedClusters", value: { clusters } },
  };
  return { ...own, action: { case: "route", value } };
}

function weightedCluster(view: ProxyView, { destination, weight, headers }: WeightedDestination, { port }: RoutePlace) {
  const host = authorityOf(headers);
  return {
    name: destinationCluster(view, destination, port),
    weight,
    typedPerFilterConfig: destinationLoading(view, destination, port),
    ...headerFields(headers),
    ...(host === undefined ? {} : { hostRewriteSpecifier: { case: "hostRewriteLiteral" as const, value: host } }),
  };
}

function sharedAction(view: ProxyView, route: HttpRoute, place: RoutePlace): RouteAction {
  const { rewrite, timeout } = route;
  const hashes = route.route.flatMap(({ destination }) => hashPolicy(view, destination, place.port));
  const retries = retryPolicy(route.retries ?? view.settings().defaultHttpRetryPolicy, hashes.length > 0 && route.route.length === 1);
  return {
    ...timeouts(view, timeout),
    ...(retries === undefined ? {} : { retryPolicy: retries }),
    ...(rewrite?.uriRegex !== undefined
      ? { regexRewrite: { pattern: { regex: rewrite.uriRegex.match }, substitution: rewrite.uriRegex.rewrite } }
      : rewrite?.uri !== undefined
        ? { prefixRewrite: rewrite.uri }
        : {}),
    ...(view.proxySettings().proxyHeaders.xForwardedHost && rewrite?.authority !== undefined ? { appendXForwardedHost: true } : {}),
    requestMirrorPolicies: mirrorsOf(route)
      .filter(({ percentage }) => percentage > 0)
      .map(({ destination, percentage }) => ({
        cluster: destinationCluster(view, destination, place.port),
        runtimeFraction: { defaultValue: fraction(percentage) },
        traceSampled: false,
        // Istio's mirrors keep the authority; Envoy would add `-shadow`.
        disableShadowHostSuffixAppend: true,
      })),
    hashPolicy: [...hashes],
  };
}

function hostRewrite(authority: string | undefined): Pick<RouteAction, "hostRewriteSpecifier"> {
  return authority === undefined ? {} : { hostRewriteSpecifier: { case: "hostRewriteLiteral", value: authority } };
}

const REDIRECT_CODES: Readonly<Record<number, RedirectCode>> = {
  301: RedirectCode.MOVED_PERMANENTLY,
  302: RedirectCode.FOUND,
  303: RedirectCode.SEE_OTHER,
  307: RedirectCode.TEMPORARY_REDIRECT,
  308: RedirectCode.PERMANENT_REDIRECT,
};

/** Status codes that a redirect may have. */
export const redirectCodes: readonly number[] = Object.keys(REDIRECT_CODES).map(Number);

function redirectAction({ uri, uriPrefix, authority, scheme, port, code }: Redirect, place: RoutePlace): Init<typeof RedirectActionSchema> {
  const to = scheme ?? (place.isTls ? "https" : "http");
  const wanted = port === "from-request" ? place.port : typeof port === "number" ? port : 0;
  // The default port of a scheme is not written out.
  const shown = (wanted === 80 && to === "http") || (wanted === 443 && to === "https") ? 0 : wanted;
  return {
    ...(authority === undefined ? {} : { hostRedirect: authority }),
    ...(uri !== undefined
      ? { pathRewriteSpecifier: { case: "pathRedirect", value: uri } }
      : uriPrefix !== undefined
        ? { pathRewriteSpecifier: { case: "prefixRewrite", value: uriPrefix } }
        : {}),
    ...(scheme === undefined ? {} : { schemeRewriteSpecifier: { case: "schemeRedirect", value: scheme } }),
    portRedirect: shown,
    responseCode: REDIRECT_CODES[code] ?? RedirectCode.MOVED_PERMANENTLY,
  };
}

const PREFIX = "type.googleapis.com/envoy.config.";
export const CLUSTER = `${PREFIX}cluster.v3.Cluster`;
export const ENDPOINT = `${PREFIX}endpoint.v3.ClusterLoadAssignment`;
export const LISTENER = `${PREFIX}listener.v3.Listener`;
export const FILTER = `${PREFIX}core.v3.TypedExtensionConfig`;
export const SCOPE = `${PREFIX}route.v3.ScopedRouteConfiguration`;
export const ROUTE = `${PREFIX}route.v3.RouteConfiguration`;

/** What the proxies of the benchmark ask for, in Envoy's order. */
export const TYPES: readonly string[] = [CLUSTER, ENDPOINT, LISTENER, SCOPE, ROUTE];

/** Those that proxies ask for by names of their own, where they are given: configurations of filters. */
export const BY_NAME: readonly string[] = [FILTER];

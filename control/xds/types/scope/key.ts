import type { HostName } from "../../../model/index.ts";

/**
 * The request header by whose value, up to its first colon, Envoy finds the scope: `9080|reviews:9080`. Set before the first route is chosen, over whatever the client sent, and taken away again before the request leaves
 * (`request_headers_to_remove`).
 */
export const SCOPE_HEADER = "x-meshwright-scope";

/**
 * The key of a host's scope, and the name of its route configuration: `9080|reviews.default.svc.cluster.local`; for wildcards and unknown hosts together `9080|*`.
 *
 * @param routeName the set of hosts that listeners of one sort have: a port for sidecars, Istio's `http.8080` for gateways
 */
export function scopeKey(routeName: string, host: HostName): string {
  return `${keyName(routeName)}|${host.replaceAll(":", "_")}`;
}

/** A colon would end the key: `unix:///run/egress.sock`. */
export function keyName(routeName: string): string {
  return routeName.replaceAll(":", "_");
}

import type { Endpoint, ProxyView, Service } from "../../../model/index.ts";

/** Whether the proxy before an endpoint ends the mesh's mTLS on a port of it: there is one, and the policy for its workload does not say that plain text alone is taken. */
export function expectsMtls(view: ProxyView, endpoint: Endpoint, port: number): boolean {
  return endpoint.tlsMode === "istio" && view.endpointMtls(endpoint, port) !== "DISABLE";
}

/** Whether a gateway passes on the mesh's own TLS to a service (Gateway's AUTO_PASSTHROUGH): then it has clusters of the service by SNI beside the others (Istio's `buildOutboundSniDnatClusters`). */
export function passesOnMtls(view: ProxyView, { location }: Pick<Service, "location">): boolean {
  if (view.client().type !== "router" || location === "external") return false;
  return view.gateways().some(({ servers }) => servers.some(({ tls }) => tls?.mode === "AUTO_PASSTHROUGH"));
}

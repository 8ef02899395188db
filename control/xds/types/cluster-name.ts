import type { HostName, JwksUri } from "../../model/index.ts";

// Names of clusters, as Istio has them; `istioctl proxy-config cluster` and dashboards know them by these.

/** For connections of a client: `outbound|80|v1|reviews.default.svc.cluster.local`. */
export function outboundCluster(host: HostName, port: number, subset = ""): string {
  return `outbound|${port}|${subset}|${host}`;
}

/** How a cluster is named in SNI, and that to which a gateway passes on the mesh's own TLS by its SNI: `outbound_.80_.v1_.reviews.default.svc.cluster.local` (Istio's `BuildDNSSrvSubsetKey`). */
export function sniOf(clusterName: string): string {
  return clusterName.replaceAll("|", "_.");
}

/** For connections to the workload's own port: `inbound|8080||`. */
export function inboundCluster(port: number): string {
  return `inbound|${port}||`;
}

/** For fetches of keys: `jwks|443|https|issuer.example.com`. Istio has no such cluster: its control plane fetches, or the mesh's own is taken where there is one. */
export function jwksCluster({ secure, host, port }: JwksUri): string {
  return `jwks|${port}|${secure ? "https" : "http"}|${host}`;
}

export function isJwksCluster(name: string): boolean {
  return name.startsWith("jwks|");
}

/** Wherever the client wanted to go, for hosts that the mesh does not know. */
export const PASSTHROUGH_CLUSTER = "PassthroughCluster";
/** Nowhere: it has no hosts. */
export const BLACK_HOLE_CLUSTER = "BlackHoleCluster";
/** The workload's own port to which a connection was made and that no service of the mesh speaks of. */
export const INBOUND_PASSTHROUGH_CLUSTER = "InboundPassthroughCluster";

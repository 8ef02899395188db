import { type Cluster, ClusterSchema } from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { Cluster_DiscoveryType } from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { ClusterLoadAssignmentSchema } from "../../../envoy-api/generated/envoy/config/endpoint/v3/endpoint_pb.ts";
import { typeUrl } from "../../../envoy-api/index.ts";
import type { ProxyView } from "../../../model/index.ts";
import type { Translated, XdsType } from "../xds-type.ts";
import { isJwksCluster } from "../cluster-name.ts";
import { provenEjection } from "./proof.ts";
import { fixedClusters } from "./fixed.ts";
import { inboundClusters } from "./inbound.ts";
import { jwksClusters } from "./jwks.ts";
import { isNeeded } from "./needed.ts";
import type { ClusterOptions } from "./options.ts";
import { outboundClusters } from "./outbound.ts";

export type { ClusterOptions } from "./options.ts";

/** Milliseconds for which requests may wait for keys by a cluster that nobody needs any more: their filters are those from before. More than the `timeout` of a rule as people set it. */
const FETCH = 30_000;

const FIXED = "fixed";
const INBOUND = "inbound";
const JWKS = "jwks";
const OUTBOUND = "outbound ";

/**
 * Where connections go and how they are made and kept: one unit for each host that the proxy may call, one for its own ports, one for those by which it fetches keys, and one for the clusters that it always has.
 */
export function clusterType(options: ClusterOptions = {}): XdsType<typeof ClusterSchema> {
  return {
    name: "cluster",
    schema: ClusterSchema,
    rules: { order: 10, complete: true, wildcard: true, lingers: (name) => (isJwksCluster(name) ? FETCH : 0) },
    *units(view) {
      yield FIXED;
      if (view.client().type === "sidecar") yield INBOUND;
      yield JWKS;
      for (const host of view.hosts()) yield `${OUTBOUND}${host}`;
    },
    translate(view, unit) {
      const translated = (message: Cluster): Translated<typeof ClusterSchema> => ({
        name: message.name,
        message: limited(view, message),
        ...provenEjection(message),
      });
      if (unit === FIXED) return fixedClusters(view).map(translated);
      if (unit === INBOUND) return inboundClusters(view).map(translated);
      if (unit === JWKS) return jwksClusters(view).map(translated);
      const host = unit.slice(OUTBOUND.length);
      const onDemand = view.client().onDemand && !isNeeded(view, host);
      // Routes and plain connections have these fetched; what goes by other names does not.
      const isFetched = ({ name }: Cluster) => onDemand && name.startsWith("outbound|");
      return outboundClusters(view, host, options).map((message) => ({ ...translated(message), onDemand: isFetched(message) }));
    },
    // Envoy waits for the endpoints of a cluster that changed and does not ask for them.
    companions: (name, { clusterDiscoveryType: type }) =>
      type.case === "type" && type.value === Cluster_DiscoveryType.EDS ? [{ typeUrl: typeUrl(ClusterLoadAssignmentSchema), name }] : [],
  };
}

/** Envoy's advice for proxies that strangers reach (https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/best_practices/edge). */
const EDGE_BUFFER = 32_768;

/** With a limit for what a connection holds back, where the proxy's settings say one. */
function limited(view: ProxyView, cluster: Cluster): Cluster {
  const { clusterPerConnectionBufferLimitBytes: own, profile } = view.proxySettings().connectionSettings;
  const limit = own ?? (profile === "EDGE" && view.client().type === "router" ? EDGE_BUFFER : undefined);
  if (limit !== undefined) cluster.perConnectionBufferLimitBytes = limit;
  return cluster;
}

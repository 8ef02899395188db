import { create } from "@bufbuild/protobuf";
import {
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  Cluster_EdsClusterConfigSchema,
} from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { milliseconds } from "../../../envoy-api/index.ts";
import type { Client, LoadBalancer, MeshSettings, Service } from "../../../model/index.ts";
import { fromAds } from "../config-source.ts";
import type { ClusterDraft } from "./draft.ts";

/** How Envoy finds the hosts of a cluster. */
export type Discovery = "EDS" | "STRICT_DNS" | "LOGICAL_DNS" | "ORIGINAL_DST";

/** Time for the endpoints of a new cluster to come. They are always sent with it, so this only matters where the service dies in between. */
const ENDPOINTS_TIMEOUT = 5_000;

/** Istio's `convertResolution`. A gateway, or a sidecar that traffic does not reach by itself, never knows an original destination. */
export function discoveryOf(
  service: Pick<Service, "resolution" | "headless">,
  client: Pick<Client, "type" | "interceptionMode">,
  loadBalancer: LoadBalancer | undefined,
): Discovery {
  if (loadBalancer?.simple === "PASSTHROUGH") return "ORIGINAL_DST";
  switch (service.resolution) {
    case "static":
      return "EDS";
    case "dns":
      return "STRICT_DNS";
    case "dns-round-robin":
      return "LOGICAL_DNS";
    case "none":
      return client.type === "router" || (service.headless && client.interceptionMode === "NONE") ? "EDS" : "ORIGINAL_DST";
  }
}

export function applyDiscovery(
  { cluster }: ClusterDraft,
  discovery: Discovery,
  client: Pick<Client, "ipMode">,
  settings: Pick<MeshSettings, "dnsRefreshRate">,
): void {
  cluster.clusterDiscoveryType = { case: "type", value: Cluster_DiscoveryType[discovery] };
  switch (discovery) {
    case "EDS":
      // Without a `service_name` the endpoints go by the cluster's name.
      cluster.edsClusterConfig = create(Cluster_EdsClusterConfigSchema, { edsConfig: fromAds(ENDPOINTS_TIMEOUT) });
      break;
    case "STRICT_DNS":
    case "LOGICAL_DNS":
      // Where a name has addresses of both families, a machine without IPv6 must not be sent there. AUTO prefers IPv6.
      cluster.dnsLookupFamily = client.ipMode === "ipv6" ? Cluster_DnsLookupFamily.AUTO : Cluster_DnsLookupFamily.V4_PREFERRED;
      cluster.dnsRefreshRate = milliseconds(settings.dnsRefreshRate);
      cluster.respectDnsTtl = true;
      break;
    case "ORIGINAL_DST":
      break;
  }
}

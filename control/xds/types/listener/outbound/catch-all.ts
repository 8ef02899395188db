import { TrafficDirection } from "../../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import type { ListenerSchema } from "../../../../envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import type { ProxyView } from "../../../../model/index.ts";
import { BLACK_HOLE_CLUSTER, PASSTHROUGH_CLUSTER } from "../../cluster-name.ts";
import { listenerLogs } from "../access-log.ts";
import { anyAddress, listensOn } from "../address.ts";
import { filterChain, type NetworkFilter } from "../filter-chain.ts";
import type { Init } from "../init.ts";
import { withNetworkPlugins } from "../network-plugins.ts";
import { portOf, toCluster, toService } from "../tcp-proxy.ts";

/** What is done with connections to nobody in the mesh: `outboundTrafficPolicy` of the Sidecar, else of the mesh. */
export function unknownDestination(view: ProxyView): readonly NetworkFilter[] {
  return withNetworkPlugins(view, "outbound", 0, { filters: egressFilters(view) });
}

function egressFilters(view: ProxyView): readonly NetworkFilter[] {
  const { mode, egressProxy } = view.sidecar()?.outboundTrafficPolicy ?? view.settings().outboundTrafficPolicy;
  if (mode === "REGISTRY_ONLY") return toCluster(view, "outbound", BLACK_HOLE_CLUSTER);
  if (egressProxy === undefined) return toCluster(view, "outbound", PASSTHROUGH_CLUSTER);
  return toService(view, egressProxy.host, portOf(view, egressProxy, 0), egressProxy.subset);
}

/**
 * Where redirected connections of the workload arrive. Each is handed to the listener of the address and port that it was meant for (`use_original_dst`), else
 * goes where unknown destinations go. Connections made to the port itself end here, or they would come back for ever.
 */
export function virtualOutbound(view: ProxyView): Init<typeof ListenerSchema> {
  const { proxyListenPort } = view.settings();
  return {
    name: "virtualOutbound",
    ...listensOn(anyAddress(view.client()), proxyListenPort),
    trafficDirection: TrafficDirection.OUTBOUND,
    useOriginalDst: true,
    ...(view.client().interceptionMode === "TPROXY" ? { transparent: true } : {}),
    maxConnectionsToAcceptPerSocketEvent: 1,
    accessLog: listenerLogs(view, "outbound"),
    filterChains: [
      filterChain({
        name: "virtualOutbound-blackhole",
        destinationPort: proxyListenPort,
        filters: toCluster(view, "outbound", BLACK_HOLE_CLUSTER),
      }),
      filterChain({ name: "virtualOutbound-catchall-tcp", filters: unknownDestination(view) }),
    ],
  };
}

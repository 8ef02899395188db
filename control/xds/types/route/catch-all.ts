import type { VirtualHostSchema } from "../../../envoy-api/generated/envoy/config/route/v3/route_components_pb.ts";
import type { ProxyView } from "../../../model/index.ts";
import { PASSTHROUGH_CLUSTER } from "../cluster-name.ts";
import { destinationCluster, destinationLoading, timeouts } from "./destination.ts";
import type { Init } from "./init.ts";
import { everything } from "./match.ts";

/** Where requests for hosts go that the mesh does not know: on, or to the Sidecar's `egressProxy`, or nowhere (502). Istio's names. */
export function catchAll(view: ProxyView): Init<typeof VirtualHostSchema> {
  const { mode, egressProxy } = view.sidecar()?.outboundTrafficPolicy ?? view.settings().outboundTrafficPolicy;
  if (mode === "REGISTRY_ONLY") {
    return {
      name: "block_all",
      domains: ["*"],
      routes: [{ name: "block_all", match: everything, action: { case: "directResponse", value: { status: 502 } } }],
    };
  }
  const cluster = egressProxy === undefined ? PASSTHROUGH_CLUSTER : destinationCluster(view, egressProxy, 0);
  return {
    name: "allow_any",
    domains: ["*"],
    routes: [
      {
        name: "allow_any",
        match: everything,
        typedPerFilterConfig: egressProxy === undefined ? {} : destinationLoading(view, egressProxy, 0),
        action: { case: "route", value: { clusterSpecifier: { case: "cluster", value: cluster }, ...timeouts(view, undefined) } },
      },
    ],
    includeRequestAttemptCount: view.proxySettings().proxyHeaders.attemptCount,
  };
}

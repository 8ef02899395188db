import type { HttpFilter } from "../../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import type { ProxyView } from "../../../model/index.ts";

/** What clusters are made with beside the view. */
export interface ClusterOptions {
  /**
   * The HTTP filters of the upstream chain that judge each attempt, as `ejection` does, without the codec at its end; called for clusters whose settings a plugin `builtin://ejection` gives.
   * What it returns must not depend on the cluster: its settings stand in the cluster's metadata. Default: none, and such plugins have no effect on clusters.
   */
  readonly upstreamFilters?: (view: ProxyView) => readonly HttpFilter[];
}

import type { HttpFilter } from "../../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import type { ProxyView } from "../../../model/index.ts";

/** What clusters are made with beside the view. */
export interface ClusterOptions {
  /**
   * The HTTP filters of the upstream chain that judge each attempt, without the codec at its end, where a plugin `builtin://ejection` is there for the proxy. They must not depend on the
   * cluster, whose settings stand in its metadata. Default: the filter of that name of the proxy (ECDS), with the `upstream` root of our `mesh` module.
   */
  readonly upstreamFilters?: (view: ProxyView) => readonly HttpFilter[];
}

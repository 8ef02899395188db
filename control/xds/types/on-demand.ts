import type { MessageInitShape } from "@bufbuild/protobuf";
import { OnDemandSchema, PerRouteConfigSchema } from "../../envoy-api/generated/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.ts";
import type { HttpFilterSchema } from "../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { milliseconds, pack } from "../../envoy-api/index.ts";
import { fromAds } from "./config-source.ts";

/**
 * Milliseconds for which a request or connection waits for what it wants, and is answered without it after that: Envoy's default for clusters on demand. What is there comes within
 * milliseconds, so only a control service that is away lets anyone wait.
 */
export const ON_DEMAND_TIMEOUT = 5_000;

/** Name of the filter that has the cluster of a request fetched, and of what routes say to it. */
export const CLUSTER_FILTER = "meshwright.cluster";

const odcds = { source: fromAds(ON_DEMAND_TIMEOUT), timeout: milliseconds(ON_DEMAND_TIMEOUT) };

type HttpFilter = Exclude<MessageInitShape<typeof HttpFilterSchema>, { readonly $typeName: string }>;

/**
 * Has the cluster of a request fetched where Envoy lacks it (`on_demand`, ODCDS), and begins with the request anew when it is there. So it stands before what a request must not pass twice;
 * and again behind what may choose another route.
 */
export const loadCluster: HttpFilter = {
  name: CLUSTER_FILTER,
  configType: { case: "typedConfig", value: pack(OnDemandSchema, { odcds }) },
};

/** What a route to a cluster that does not exist says to {@link loadCluster}: nobody need be asked. */
export const NOTHING_TO_LOAD = { [CLUSTER_FILTER]: pack(PerRouteConfigSchema, {}) };

/** For `tcp_proxy`: its cluster is fetched at the first connection. */
export const TCP_ON_DEMAND = { odcdsConfig: fromAds(ON_DEMAND_TIMEOUT), timeout: milliseconds(ON_DEMAND_TIMEOUT) };

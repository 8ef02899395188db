import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { OnDemandSchema, PerRouteConfigSchema } from "../../envoy-api/generated/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.ts";
import type { HttpFilterSchema } from "../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import type { TcpProxySchema } from "../../envoy-api/generated/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts";
import { milliseconds, pack } from "../../envoy-api/index.ts";
import type { HostName, ProxyView } from "../../model/index.ts";
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
 * Has the cluster of a request fetched where Envoy lacks it (`on_demand`, ODCDS). Envoys from 1.36 to 1.38 begin with the request anew when it is there, so it stands before what a request must not
 * pass twice; and again behind what may choose another route.
 */
export const loadCluster: HttpFilter = {
  name: CLUSTER_FILTER,
  configType: { case: "typedConfig", value: pack(OnDemandSchema, { odcds }) },
};

const NOTHING_TO_LOAD = { [CLUSTER_FILTER]: pack(PerRouteConfigSchema, {}) };

/**
 * What a route to a destination says to {@link loadCluster} by its `typed_per_filter_config`: of a cluster that does not exist, that nobody need be asked. Envoy asks for a name once; told that there is none,
 * every later request for it would wait until the time is up.
 */
export function loading(view: ProxyView, destination: Place): Record<string, Any> {
  return view.client().onDemand && !exists(view, destination) ? NOTHING_TO_LOAD : {};
}

const TCP_ON_DEMAND = { odcdsConfig: fromAds(ON_DEMAND_TIMEOUT), timeout: milliseconds(ON_DEMAND_TIMEOUT) };

/** Of `tcp_proxy`: clusters are fetched at the first connection, unless none of them exists. */
export function tcpLoading(view: ProxyView, destinations: readonly Place[]): Pick<MessageInitShape<typeof TcpProxySchema>, "onDemand"> {
  return view.client().onDemand && destinations.some((each) => exists(view, each)) ? { onDemand: TCP_ON_DEMAND } : {};
}

/** What the name of a cluster is made of. */
interface Place {
  readonly host: HostName;
  readonly port: number;
  readonly subset?: string | undefined;
}

function exists(view: ProxyView, { host, port, subset }: Place): boolean {
  if (view.service(host)?.ports.some(({ number, protocol }) => number === port && protocol !== "udp") !== true) return false;
  return subset === undefined || view.trafficRules(host)?.subsets.some(({ name }) => name === subset) === true;
}

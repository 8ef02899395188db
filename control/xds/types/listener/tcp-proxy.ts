import { isIPv6 } from "node:net";
import { milliseconds, pack } from "../../../envoy-api/index.ts";
import { TcpProxySchema } from "../../../envoy-api/generated/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts";
import {
  type Destination,
  type HostName,
  policyFor,
  type ProxyView,
  type TrafficRules,
  type WeightedDestination,
} from "../../../model/index.ts";
import { outboundCluster, sniOf } from "../cluster-name.ts";
import { meantHost } from "../endpoint/alias.ts";
import { tcpLoading } from "../on-demand.ts";
import type { Side } from "../filter/side.ts";
import { statName } from "../stat-name.ts";
import { accessLogs } from "./access-log.ts";
import type { NetworkFilter } from "./filter-chain.ts";
import type { Init } from "./init.ts";

/** Passes the bytes on to one cluster. */
export function toCluster(view: ProxyView, side: Side, cluster: string): NetworkFilter[] {
  return [tcpProxy({ statPrefix: cluster, clusterSpecifier: { case: "cluster", value: cluster }, accessLog: accessLogs(view, side) })];
}

/** What goes to a service goes out of a sidecar, or through a gateway, which is the same to logs. */
const OUT: Side = "outbound";

/** Passes the bytes on to a service, as the rules for it say; to the one that it is another name of, where it is. */
export function toService(view: ProxyView, named: HostName, port: number, subset?: string): NetworkFilter[] {
  const host = meantHost(view, named);
  const cluster = outboundCluster(host, port, subset);
  return [
    tcpProxy({
      statPrefix: statPrefixOf(view, host, port, subset) ?? cluster,
      clusterSpecifier: { case: "cluster", value: cluster },
      ...tcpLoading(view, [{ host, port, subset }]),
      ...connectionRules(view, host, port, subset),
      accessLog: accessLogs(view, OUT),
    }),
  ];
}

/** That of MeshConfig's `outboundClusterStatName`, as the cluster has it. */
function statPrefixOf(view: ProxyView, host: HostName, number: number, subset: string | undefined): string | undefined {
  const { outboundClusterStatName } = view.settings();
  if (outboundClusterStatName === "") return undefined;
  const service = view.service(host);
  const port = service?.ports.find((each) => each.number === number);
  return service === undefined || port === undefined ? undefined : statName(outboundClusterStatName, { service, port, subset });
}

/** Passes on the mesh's own TLS to a service, whose proxies end it. */
export function toServiceBySni(view: ProxyView, host: HostName, port: number, subset?: string): NetworkFilter[] {
  const cluster = sniOf(outboundCluster(host, port, subset));
  const { tunnelingConfig: _, ...rules } = connectionRules(view, host, port, subset);
  return [
    tcpProxy({ statPrefix: cluster, clusterSpecifier: { case: "cluster", value: cluster }, ...rules, accessLog: accessLogs(view, OUT) }),
  ];
}

/** Passes the bytes on as a route says; `statPrefix` names a choice between several. */
export function toDestinations(
  view: ProxyView,
  route: readonly WeightedDestination[],
  listenPort: number,
  statPrefix: string,
): NetworkFilter[] {
  const [first] = route;
  if (first === undefined) return [];
  const { host, subset } = first.destination;
  if (route.length === 1) return toService(view, host, portOf(view, first.destination, listenPort), subset);
  const places = route
    .filter(({ weight }) => weight > 0)
    .map(({ destination, weight }) => ({
      ...destination,
      host: meantHost(view, destination.host),
      port: portOf(view, destination, listenPort),
      weight,
    }));
  const clusters = places.map((place) => ({ name: outboundCluster(place.host, place.port, place.subset), weight: place.weight }));
  return [
    tcpProxy({
      statPrefix,
      clusterSpecifier: { case: "weightedClusters", value: { clusters } },
      ...tcpLoading(view, places),
      // One filter serves all: the rules of the first host count, and none of a subset (Istio's `buildOutboundNetworkFiltersWithWeightedClusters`).
      ...connectionRules(view, meantHost(view, host), portOf(view, first.destination, listenPort), undefined),
      accessLog: accessLogs(view, OUT),
    }),
  ];
}

/** A destination that names no port means the only one of its service, else the port on which the connection came. */
export function portOf(view: ProxyView, { host, port }: Destination, listenPort: number): number {
  if (port !== undefined) return port;
  const ports = view.service(host)?.ports ?? [];
  return ports.length === 1 ? (ports[0]?.number ?? listenPort) : listenPort;
}

type TcpProxyInit = Init<typeof TcpProxySchema>;

function tcpProxy(init: TcpProxyInit): NetworkFilter {
  return { name: "envoy.filters.network.tcp_proxy", configType: { case: "typedConfig", value: pack(TcpProxySchema, init) } };
}

/** Envoy's cluster has no such limits for bytes, so those of its port and subset stand here too, where Istio knows the host's alone. */
function connectionRules(view: ProxyView, host: HostName, port: number, subset: string | undefined): TcpProxyInit {
  const rules = view.trafficRules(host);
  const { connectionPool, loadBalancer } = policyFor(rules, port, subset, view.settings().defaultTrafficPolicy);
  const tunnel =
    rules === undefined || subset === undefined ? rules?.policy.tunnel : (subsetOf(rules, subset)?.policy.tunnel ?? rules.policy.tunnel);
  return {
    ...(connectionPool?.tcpIdleTimeout === undefined ? {} : { idleTimeout: milliseconds(connectionPool.tcpIdleTimeout) }),
    ...(connectionPool?.maxConnectionDuration === undefined
      ? {}
      : { maxDownstreamConnectionDuration: milliseconds(connectionPool.maxConnectionDuration) }),
    ...(loadBalancer?.consistentHash?.key === "source-ip"
      ? { hashPolicy: [{ policySpecifier: { case: "sourceIp" as const, value: {} } }] }
      : {}),
    ...(tunnel === undefined ? {} : { tunnelingConfig: { hostname: authority(tunnel), usePost: tunnel.protocol === "POST" } }),
  };
}

function subsetOf(rules: TrafficRules, name: string): TrafficRules["subsets"][number] | undefined {
  return rules.subsets.find((subset) => subset.name === name);
}

/** RFC 3986, section 3.2.2: an address of IPv6 stands in brackets. */
function authority({ targetHost, targetPort }: NonNullable<TrafficRules["policy"]["tunnel"]>): string {
  return `${isIPv6(targetHost) ? `[${targetHost}]` : targetHost}:${targetPort}`;
}

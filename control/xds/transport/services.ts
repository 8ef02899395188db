import type { Variant } from "../server/index.ts";

/** One streaming method of xDS. */
export interface DiscoveryMethod {
  /** Of the HTTP/2 request. */
  readonly path: string;
  readonly variant: Variant;
  /** The only type that it serves; `undefined` where it is the aggregated one. */
  readonly typeUrl: string | undefined;
}

/** Services, the noun of their methods (`StreamClusters`, `DeltaClusters`), and their type. */
const SERVICES: ReadonlyArray<readonly [service: string, noun: string, type: string | undefined]> = [
  ["discovery.v3.AggregatedDiscoveryService", "AggregatedResources", undefined],
  ["cluster.v3.ClusterDiscoveryService", "Clusters", "envoy.config.cluster.v3.Cluster"],
  ["endpoint.v3.EndpointDiscoveryService", "Endpoints", "envoy.config.endpoint.v3.ClusterLoadAssignment"],
  ["listener.v3.ListenerDiscoveryService", "Listeners", "envoy.config.listener.v3.Listener"],
  ["route.v3.ScopedRoutesDiscoveryService", "ScopedRoutes", "envoy.config.route.v3.ScopedRouteConfiguration"],
  ["route.v3.RouteDiscoveryService", "Routes", "envoy.config.route.v3.RouteConfiguration"],
  ["extension.v3.ExtensionConfigDiscoveryService", "ExtensionConfigs", "envoy.config.core.v3.TypedExtensionConfig"],
  ["secret.v3.SecretDiscoveryService", "Secrets", "envoy.extensions.transport_sockets.tls.v3.Secret"],
];

/** Every streaming method of version 3. Polling (`Fetch...`) is not served. */
export const DISCOVERY_METHODS: readonly DiscoveryMethod[] = SERVICES.flatMap(([service, noun, type]) => {
  const typeUrl = type === undefined ? undefined : `type.googleapis.com/${type}`;
  return [
    { path: `/envoy.service.${service}/Stream${noun}`, variant: "sotw", typeUrl },
    { path: `/envoy.service.${service}/Delta${noun}`, variant: "delta", typeUrl },
  ] as const;
});

/** What clients have, asked of the service: CSDS. */
export const CLIENT_STATUS = {
  stream: "/envoy.service.status.v3.ClientStatusDiscoveryService/StreamClientStatus",
  fetch: "/envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus",
} as const;

/** Methods that exist, are asked for by clients, and are answered with a reason. */
export const REFUSED_METHODS: ReadonlyMap<string, string> = new Map([
  ...[
    "discovery.v2.AggregatedDiscoveryService/StreamAggregatedResources",
    "discovery.v2.AggregatedDiscoveryService/DeltaAggregatedResources",
  ].map((method) => refused(`/envoy.service.${method}`, "version 2 of xDS is gone: set transport_api_version: V3")),
  ...["Clusters", "Endpoints", "Listeners", "Routes"].flatMap((noun) =>
    ["Stream", "Delta", "Fetch"].map((kind) =>
      refused(
        `/envoy.api.v2.${noun.slice(0, -1)}DiscoveryService/${kind}${noun}`,
        "version 2 of xDS is gone: set transport_api_version: V3",
      ),
    ),
  ),
  ...SERVICES.flatMap(([service, noun, type]) =>
    type === undefined
      ? []
      : [refused(`/envoy.service.${service}/Fetch${noun}`, `polling is not served: call Stream${noun} or Delta${noun}`)],
  ),
]);

function refused(path: string, reason: string): readonly [string, string] {
  return [path, reason];
}

import { isIP } from "node:net";
import { basename } from "node:path";
import { IDENTITY_KEY } from "../model/proxy.ts";
import { addressOf, type ListenAddress, readAddress } from "./address.ts";
import {
  adminCluster,
  CONTROL_CLUSTER,
  controlCluster,
  type ControlTls,
  METRICS_SERVICE,
  metricsServiceCluster,
  type ProxySecrets,
  secretsCluster,
} from "./clusters.ts";
import { type Json, typed } from "./json.ts";
import { PROMETHEUS_PORT, prometheusListener, STATUS_PORT, statusListener } from "./listeners.ts";
import { type AnnouncedModule, describeNode, type NodeDescription } from "./metadata.ts";
import { overloadManager, type OverloadLimits } from "./overload.ts";
import { type ProxyConfig, remoteConnection } from "./proxy-config.ts";
import { layeredRuntime } from "./runtime.ts";
import { statsConfig, type StatsSelection, statsSinks } from "./stats.ts";

export const DEFAULT_ADMIN: ListenAddress = { host: "127.0.0.1", port: 15_000 };

/** Where a proxy is, for the locality of load balancing. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

/** What a bootstrap is made of. */
export interface BootstrapRequest extends OverloadLimits {
  /** `TYPE~IP~NAME.NAMESPACE~DOMAIN`, TYPE `sidecar` or `router`. */
  readonly nodeId: string;
  /** Istio's node metadata; what is not given follows from the id. Default: none. */
  readonly metadata?: Json;
  /** Default: the label `istio-locality` or those of Kubernetes' topology, else none. */
  readonly locality?: Locality;
  readonly control: ListenAddress;
  /** Default: plain text, which is for the loopback interface. */
  readonly controlTls?: ControlTls;
  /** Where the proxy gets its certificate; the control service hears of it, and then it speaks mTLS. Default: it has none. */
  readonly secrets?: ProxySecrets;
  /** Default: the loopback interface and `proxyAdminPort` of ProxyConfig, else {@link DEFAULT_ADMIN}. */
  readonly admin?: ListenAddress;
  /** Default: `statusPort` of ProxyConfig, else {@link STATUS_PORT}; 0 is any that is free. */
  readonly statusPort?: number;
  /** Default: {@link PROMETHEUS_PORT}; 0 is any that is free. */
  readonly prometheusPort?: number;
  /** How changes are sent: `DELTA_GRPC` (default), or `GRPC`, the state of the world with each. */
  readonly apiType?: "DELTA_GRPC" | "GRPC";
  /** Modules that are files beside the proxy, by name: announced in its metadata, so that none is sent to it. Default: none. */
  readonly modules?: Readonly<Record<string, AnnouncedModule>>;
  /** Name servers. Default: those of the machine. */
  readonly dnsResolvers?: readonly ListenAddress[];
  /** Default: `istio`. */
  readonly stats?: StatsSelection;
  /** What EnvoyFilters make of it. Default: nothing else. */
  readonly patch?: (bootstrap: Json) => Json;
}

/** Where a proxy can be asked how it is. */
export interface OwnAddresses {
  readonly admin: ListenAddress;
  readonly statusPort: number;
  readonly prometheusPort: number;
}

export type MadeBootstrap =
  | { readonly bootstrap: Json; readonly node: NodeDescription; readonly own: OwnAddresses }
  | { readonly problems: readonly [string, ...string[]] };

/**
 * How long Envoy waits until it asks a control service again that went away: first 0.2 s, then up to 5 s, at random below that, so that a thousand proxies do not come
 * at once. Envoy's own limit of 30 s would leave a proxy behind for as long.
 */
const RETRY_BACK_OFF = { base_interval: "0.2s", max_interval: "5s" };

/** The bootstrap, or one text for each thing that is wrong. No secret stands in it but those that were given as metadata. */
export function bootstrapOf(request: BootstrapRequest): MadeBootstrap {
  const problems: string[] = [];
  const node = describeNode(request.nodeId, request.metadata ?? {}, request.modules ?? {}, problems);
  if (request.secrets === undefined && remoteConnection(node?.proxyConfig.envoyMetricsService).tls?.mode === "ISTIO_MUTUAL")
    problems.push("PROXY_CONFIG.envoyMetricsService.tlsSettings.mode: ISTIO_MUTUAL needs a proxy with a certificate of the mesh");
  const [first, ...more] = problems;
  if (first !== undefined || node === undefined) return { problems: [first ?? "no node", ...more] };
  const { proxyAdminPort, statusPort = STATUS_PORT } = node.proxyConfig;
  const own = {
    admin: request.admin ?? (proxyAdminPort === undefined ? DEFAULT_ADMIN : { host: "127.0.0.1", port: proxyAdminPort }),
    statusPort: request.statusPort ?? statusPort,
    prometheusPort: request.prometheusPort ?? PROMETHEUS_PORT,
  };
  const bootstrap = assemble(request, node, own);
  return { bootstrap: request.patch?.(bootstrap) ?? bootstrap, node, own };
}

function assemble(request: BootstrapRequest, node: NodeDescription, { admin, statusPort, prometheusPort }: OwnAddresses): Json {
  const { proxyConfig } = node;
  const metricsService = addressIn(proxyConfig.envoyMetricsService?.address);
  const wildcard = node.addresses.every((address) => isIP(address) === 6) ? "::" : "0.0.0.0";
  const locality = request.locality ?? localityOf(node.labels);
  // Until the first configuration came, Envoy is not ready, however long that takes: as in Istio.
  const aggregated = { ads: {}, initial_fetch_timeout: "0s", resource_api_version: "V3" };
  return {
    node: {
      id: request.nodeId,
      cluster: node.cluster,
      ...(locality !== undefined && { locality: { region: locality.region, zone: locality.zone, sub_zone: locality.subZone } }),
      metadata: {
        ...node.metadata,
        ...(request.secrets !== undefined && { [IDENTITY_KEY]: basename(request.secrets.path) }),
        ENVOY_STATUS_PORT: statusPort,
        ENVOY_PROMETHEUS_PORT: prometheusPort,
      },
    },
    admin: { address: addressOf(admin) },
    dynamic_resources: {
      ads_config: {
        api_type: request.apiType ?? "DELTA_GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: CONTROL_CLUSTER, retry_policy: { retry_back_off: RETRY_BACK_OFF } } }],
      },
      cds_config: aggregated,
      lds_config: aggregated,
    },
    // What became of requests, for mesh-wide health: Envoy is silent until it is asked for something.
    cluster_manager: {
      load_stats_config: {
        api_type: "GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: CONTROL_CLUSTER } }],
      },
    },
    static_resources: {
      clusters: [
        adminCluster(admin),
        controlCluster(request.control, request.controlTls, request.secrets),
        ...(request.secrets === undefined ? [] : [secretsCluster(request.secrets)]),
        ...(metricsService === undefined ? [] : [metricsServiceCluster(metricsService, remoteConnection(proxyConfig.envoyMetricsService))]),
      ],
      listeners: [prometheusListener(wildcard, prometheusPort, proxyConfig.statsCompression ?? true), statusListener(wildcard, statusPort)],
    },
    typed_dns_resolver_config: dnsResolver(request.dnsResolvers ?? []),
    ...statsSinks(addressIn(proxyConfig.statsdUdpAddress), metricsService === undefined ? undefined : METRICS_SERVICE),
    stats_config: statsConfig(request.stats ?? "istio", proxyConfig, node.annotations),
    overload_manager: overloadManager(limitsOf(request, proxyConfig)),
    layered_runtime: layeredRuntime(proxyConfig),
  };
}

function addressIn(text: string | undefined): ListenAddress | undefined {
  const read = text === undefined ? "" : readAddress(text);
  return typeof read === "string" ? undefined : read;
}

function limitsOf({ maxConnections, maxHeapSize }: OverloadLimits, { connectionSettings }: ProxyConfig): OverloadLimits {
  const connections = maxConnections ?? connectionSettings?.globalDownstreamConnectionLimit;
  return {
    ...(connections === undefined ? {} : { maxConnections: connections }),
    ...(maxHeapSize === undefined ? {} : { maxHeapSize }),
  };
}

/** As in Istio, a UDP socket is given up after some queries: what balances them by port would keep one that went away. */
function dnsResolver(resolvers: readonly ListenAddress[]): Json {
  const fields = { udp_max_queries: 100, ...(resolvers.length > 0 && { resolvers: resolvers.map(addressOf) }) };
  return {
    name: "envoy.network.dns_resolver.cares",
    typed_config: typed("network.dns_resolver.cares.v3.CaresDnsResolverConfig", fields),
  };
}

/** Istio's own label (`region.zone.subzone`, because labels hold no slashes), else Kubernetes'. */
function localityOf(labels: Readonly<Record<string, string>>): Locality | undefined {
  const own = labels["istio-locality"];
  const [region = "", zone = "", subZone = ""] =
    own !== undefined
      ? own.split(own.includes("/") ? "/" : ".")
      : [labels["topology.kubernetes.io/region"], labels["topology.kubernetes.io/zone"], labels["topology.istio.io/subzone"]];
  return region === "" ? undefined : { region, zone, subZone };
}

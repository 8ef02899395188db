import { isIPv4, isIPv6 } from "node:net";
import { type Cluster, Cluster_DiscoveryType, Cluster_LbPolicy } from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { create } from "@bufbuild/protobuf";
import { ClusterLoadAssignmentSchema } from "../../../envoy-api/generated/envoy/config/endpoint/v3/endpoint_pb.ts";
import { milliseconds } from "../../../envoy-api/index.ts";
import {
  type ConnectionPool,
  type Inbound,
  policyFor,
  type Protocol,
  type ProxyView,
  type Service,
  type SidecarScope,
} from "../../../model/index.ts";
import { inboundCluster } from "../cluster-name.ts";
import { addressOf } from "../endpoint/address.ts";
import { type Named, statName } from "../stat-name.ts";
import { applyConnectionPool } from "./connection-pool.ts";
import { draftOf, finish } from "./draft.ts";
import { fromLoopback } from "./fixed.ts";
import { metadataOf } from "./metadata.ts";
import { applyProtocol, upstreamProtocol } from "./protocol.ts";

/** Addresses of original destinations of the workload itself are few and do not change: Envoy need not forget them (Istio means `maxSecondsValue`, of which
 * Envoy 1.40 says that it is out of range: ten years). */
const NEVER = 315_360_000_000;

interface LocalPort {
  /** Where clients connect to. */
  readonly number: number;
  readonly protocol: Protocol;
  /** Where the workload listens; undefined: at the address that the client connected to. */
  readonly target: { readonly address: string; readonly port: number } | undefined;
  readonly services: readonly Service[];
  /** Whose it is in statistics: the first service's, or the Sidecar's own. */
  readonly named: Named | undefined;
  readonly pool: ConnectionPool | undefined;
}

/** For each port of the workload itself a cluster: of the Sidecar's `ingress` where it has one, else of the services that stand before it (Istio's `buildInboundClusters`). */
export function inboundClusters(view: ProxyView): readonly Cluster[] {
  const sidecar = view.sidecar();
  const { ports } = view.inbound();
  if (sidecar !== undefined && sidecar.ingress.length > 0)
    return sidecar.ingress.map((_, index) => local(view, ofIngress(view, sidecar, index, ports)));
  // Without capture a listener on the workload's own port would be in its way.
  if (view.client().interceptionMode === "NONE") return [];
  const byNumber = Map.groupBy(ports, ({ targetPort }) => targetPort);
  return [...byNumber].map(([number, group]) => local(view, ofServices(view, sidecar, number, group)));
}

/** Of several services on a port the first says what is spoken and which policy holds. */
function ofServices(view: ProxyView, sidecar: SidecarScope | undefined, number: number, group: Inbound["ports"]): LocalPort {
  const [first] = group;
  const pool =
    first === undefined ? undefined : policyFor(view.trafficRules(first.service.host, "inbound"), first.port.number).connectionPool;
  return {
    number,
    protocol: first?.port.protocol ?? "auto",
    target: view.settings().inboundTrafficPolicy === "PASSTHROUGH" ? undefined : { address: loopbackOf(view), port: number },
    services: [...new Set(group.filter(({ port }) => port.number === first?.port.number).map(({ service }) => service))],
    named: first === undefined ? undefined : { service: first.service, port: first.port, targetPort: number },
    pool: sidecar?.inboundConnectionPool ?? pool,
  };
}

function loopbackOf(view: ProxyView): string {
  return view.client().ipMode === "ipv6" ? "::1" : "127.0.0.1";
}

function ofIngress(view: ProxyView, sidecar: SidecarScope, index: number, ports: Inbound["ports"]): LocalPort {
  const ingress = sidecar.ingress[index];
  const number = ingress?.port.number ?? 0;
  const found = ports.find(({ targetPort }) => targetPort === number);
  const service = found?.service;
  const pool = service === undefined ? undefined : policyFor(view.trafficRules(service.host, "inbound"), number).connectionPool;
  return {
    number,
    protocol: ingress?.port.protocol ?? "auto",
    target: ingress?.defaultEndpoint === undefined ? undefined : endpointOf(view, ingress.defaultEndpoint),
    services: service === undefined ? [] : [service],
    // The port is the Sidecar's own in any case (Istio's `buildInboundClustersFromSidecar`).
    named: {
      service: service ?? { ...sidecar, host: `${sidecar.name}.${sidecar.namespace}` },
      port: { number, name: ingress?.port.name ?? "" },
      targetPort: number,
    },
    pool: ingress?.connectionPool ?? sidecar.inboundConnectionPool ?? pool,
  };
}

/** `127.0.0.1:PORT`, `[::1]:PORT`, `unix://PATH`; `0.0.0.0` and `[::]` stand for the instance's own address. */
function endpointOf(view: ProxyView, endpoint: string): NonNullable<LocalPort["target"]> {
  if (endpoint.startsWith("unix://")) return { address: endpoint, port: 0 };
  const colon = endpoint.lastIndexOf(":");
  const host = endpoint.slice(0, colon).replace(/^\[|\]$/g, "");
  const port = Number(endpoint.slice(colon + 1));
  if (host === "0.0.0.0") return { address: view.proxy().addresses.find(isIPv4) ?? "127.0.0.1", port };
  if (host === "::") return { address: view.proxy().addresses.find(isIPv6) ?? "::1", port };
  return { address: host, port };
}

function local(view: ProxyView, { number, protocol, target, services, named, pool }: LocalPort): Cluster {
  const settings = view.settings();
  const pattern = settings.inboundClusterStatName;
  const draft = draftOf(inboundCluster(number), pattern === "" || named === undefined ? undefined : statName(pattern, named));
  const { cluster } = draft;
  if (target === undefined) {
    cluster.clusterDiscoveryType = { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST };
    cluster.lbPolicy = Cluster_LbPolicy.CLUSTER_PROVIDED;
    cluster.cleanupInterval = milliseconds(NEVER);
  } else {
    cluster.clusterDiscoveryType = { case: "type", value: Cluster_DiscoveryType.STATIC };
    const address = addressOf(target.address, target.port);
    cluster.loadAssignment = create(ClusterLoadAssignmentSchema, {
      clusterName: cluster.name,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: "endpoint", value: { address } } }] }],
    });
  }
  if (target === undefined || !/^(127\.0\.0\.1|::1|unix:.*)$/.test(target.address)) cluster.upstreamBindConfig = fromLoopback();
  const upstream = upstreamProtocol({ protocol, pool, settings, isSidecar: true, outbound: false });
  applyProtocol(draft, upstream, pool, protocol !== "tcp" && view.proxySettings().proxyHeaders.preserveHttp1HeaderCase);
  applyConnectionPool(draft, pool, settings);
  if (services.length > 0) cluster.metadata = metadataOf({ services });
  return finish(draft);
}

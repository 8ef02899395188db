import { create } from "@bufbuild/protobuf";
import {
  type Cluster,
  Cluster_CommonLbConfig_LocalityWeightedLbConfigSchema,
  Cluster_CommonLbConfigSchema,
} from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import {
  type EffectivePolicy,
  type HostName,
  policyFor,
  type ProxyView,
  type Service,
  type ServicePort,
  type TrafficRules,
} from "../../../model/index.ts";
import { outboundCluster, sniOf } from "../cluster-name.ts";
import { sourceOf } from "../endpoint/alias.ts";
import { assignmentOf } from "../endpoint/assignment.ts";
import { passesOnMtls } from "../endpoint/mtls.ts";
import { upstreamFilter } from "../filter/upstream.ts";
import { statName } from "../stat-name.ts";
import { applyConnectionPool } from "./connection-pool.ts";
import { applyDiscovery, discoveryOf } from "./discovery.ts";
import { draftOf, finish } from "./draft.ts";
import { applyEjection, EJECTION, ejectionOf } from "./ejection.ts";
import { applyLoadBalancer } from "./load-balancer.ts";
import { localitiesOf, weighsLocalities } from "./localities.ts";
import { applyMeshTls } from "./mesh-tls.ts";
import { metadataOf } from "./metadata.ts";
import type { ClusterOptions } from "./options.ts";
import { applyOutlierDetection } from "./outlier-detection.ts";
import { applyProtocol, upstreamProtocol } from "./protocol.ts";
import { applyProxyProtocol, applyTls } from "./tls.ts";

/** The clusters of a host: for each of its ports one, and one for each subset (Istio's `buildOutboundClusters`). */
export function outboundClusters(view: ProxyView, host: HostName, options: ClusterOptions): readonly Cluster[] {
  const service = view.service(host);
  if (service === undefined) return [];
  const rules = view.trafficRules(host);
  const passesOn = passesOnMtls(view, service);
  const subsets = [undefined, ...(rules?.subsets ?? []).map(({ name }) => name)];
  return service.ports
    .filter(({ protocol }) => protocol !== "udp")
    .flatMap((port) =>
      subsets.flatMap((subset) => {
        const policy = policyFor(rules, port.number, subset, view.settings().defaultTrafficPolicy);
        const target = { service, port, subset, rules, policy };
        return [outbound(view, target, options), passesOn ? sniDnat(view, target) : undefined];
      }),
    )
    .filter((cluster) => cluster !== undefined);
}

interface Target {
  readonly service: Service;
  readonly port: ServicePort;
  readonly subset: string | undefined;
  readonly rules: TrafficRules | undefined;
  readonly policy: EffectivePolicy;
}

function outbound(view: ProxyView, { service, port, subset, rules, policy }: Target, options: ClusterOptions): Cluster | undefined {
  const client = view.client();
  const settings = view.settings();
  const pattern = settings.outboundClusterStatName;
  const draft = draftOf(
    outboundCluster(service.host, port.number, subset),
    pattern === "" ? undefined : statName(pattern, { service, port, subset }),
  );
  const { loadBalancer, connectionPool: pool, outlierDetection, tls, proxyProtocol } = policy;

  const source = sourceOf(view, service, port);
  const discovery = discoveryOf(source.service, client, loadBalancer);
  applyDiscovery(draft, discovery, client, settings);
  if (discovery === "STRICT_DNS" || discovery === "LOGICAL_DNS") {
    const assignment = assignmentOf(view, { service, port, subset, rules, policy });
    // Envoy refuses such a cluster without a name to ask for, so there is none (as in Istio) and its routes answer 503.
    if (assignment.endpoints.every(({ lbEndpoints }) => lbEndpoints.length === 0)) return undefined;
    draft.cluster.loadAssignment = assignment;
  }

  const protocol = upstreamProtocol({ protocol: port.protocol, pool, settings, isSidecar: client.type === "sidecar", outbound: true });
  applyProtocol(draft, protocol, pool, port.protocol !== "tcp" && view.proxySettings().proxyHeaders.preserveHttp1HeaderCase);
  applyConnectionPool(draft, pool, settings, policy.retryBudget);

  const localities = localitiesOf(policy, service, settings);
  const weighted = weighsLocalities(localities);
  applyLoadBalancer(draft, { loadBalancer, weightedLocalities: weighted, clientAffinity: service.clientAffinity });
  // Panic would send to hosts that are known to be dead; Istio's `minHealthPercent` is how many must be left for Envoy to believe it.
  let minHealthPercent = outlierDetection?.minHealthPercent ?? 0;

  const ejection = ejectionOf(view.plugins(), outlierDetection);
  if (ejection !== undefined && isHttpProtocol(port)) {
    applyEjection(draft, ejection, options.upstreamFilters?.(view) ?? [upstreamFilter()]);
    minHealthPercent = ejection.minHealthPercent;
  } else if (outlierDetection !== undefined) {
    applyOutlierDetection(draft, outlierDetection);
  }
  draft.cluster.commonLbConfig = create(Cluster_CommonLbConfigSchema, {
    healthyPanicThreshold: { value: minHealthPercent },
    // Beside a policy of its own, which has the same word inside, Envoy refuses it here.
    ...(weighted && draft.cluster.loadBalancingPolicy === undefined
      ? {
          localityConfigSpecifier: {
            case: "localityWeightedLbConfig",
            value: create(Cluster_CommonLbConfig_LocalityWeightedLbConfigSchema),
          },
        }
      : {}),
  });

  const meshTls = applyMeshTls(view, draft, { port, source, tls, upstream: protocol, toOriginal: discovery === "ORIGINAL_DST" });
  if (tls !== undefined && tls.mode !== "ISTIO_MUTUAL")
    applyTls(draft, { tls, subjectAltNames: service.subjectAltNames, http2: protocol === "http2", settings });
  if (proxyProtocol !== undefined) applyProxyProtocol(draft, proxyProtocol);
  draft.cluster.metadata = metadataOf({
    services: [service],
    port: port.number,
    subset,
    rule: rules?.object,
    filters: { ...meshTls, ...(ejection !== undefined && isHttpProtocol(port) ? { [EJECTION]: ejection.metadata } : {}) },
  });
  return finish(draft);
}

/** Where a gateway passes on connections of the mesh's own TLS by their SNI: bytes, whose TLS is the endpoints' own. */
function sniDnat(view: ProxyView, { service, port, subset, rules, policy }: Target): Cluster | undefined {
  const settings = view.settings();
  const draft = draftOf(sniOf(outboundCluster(service.host, port.number, subset)));
  const { loadBalancer, connectionPool, outlierDetection } = policy;
  const discovery = discoveryOf(sourceOf(view, service, port).service, view.client(), loadBalancer);
  if (discovery === "ORIGINAL_DST") return undefined;
  applyDiscovery(draft, discovery, view.client(), settings);
  if (discovery !== "EDS") {
    draft.cluster.loadAssignment = assignmentOf(view, { service, port, subset, rules, policy, sniDnat: true });
    if (draft.cluster.loadAssignment.endpoints.every(({ lbEndpoints }) => lbEndpoints.length === 0)) return undefined;
  }
  applyConnectionPool(draft, connectionPool, settings, policy.retryBudget);
  applyLoadBalancer(draft, { loadBalancer, weightedLocalities: false, clientAffinity: service.clientAffinity });
  if (outlierDetection !== undefined) applyOutlierDetection(draft, outlierDetection);
  draft.cluster.commonLbConfig = create(Cluster_CommonLbConfigSchema, {
    healthyPanicThreshold: { value: outlierDetection?.minHealthPercent ?? 0 },
  });
  draft.cluster.metadata = metadataOf({ services: [service], port: port.number, subset, rule: rules?.object });
  return finish(draft);
}

/** Where attempts may be HTTP, so that the upstream chain sees them. */
function isHttpProtocol({ protocol }: ServicePort): boolean {
  return protocol === "http" || protocol === "http2" || protocol === "grpc" || protocol === "grpc-web" || protocol === "auto";
}

import { create } from "@bufbuild/protobuf";
import { isIP } from "node:net";
import { HealthStatus } from "../../../envoy-api/generated/envoy/config/core/v3/health_check_pb.ts";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "../../../envoy-api/generated/envoy/config/endpoint/v3/endpoint_pb.ts";
import { type LbEndpoint, LbEndpointSchema } from "../../../envoy-api/generated/envoy/config/endpoint/v3/endpoint_components_pb.ts";
import type { EffectivePolicy, Endpoint, ProxyView, Service, ServicePort, TrafficRules } from "../../../model/index.ts";
import { selects } from "../../../model/index.ts";
import { outboundCluster, sniOf } from "../cluster-name.ts";
import { localitiesOf } from "../cluster/localities.ts";
import { automatic } from "../cluster/mesh-tls.ts";
import { addressOf } from "./address.ts";
import { sourceOf } from "./alias.ts";
import { hostAddress, judge } from "./health.ts";
import { expectsMtls } from "./mtls.ts";
import { groupByLocality, prioritize } from "./priorities.ts";

export interface AssignmentTarget {
  readonly service: Service;
  readonly port: ServicePort;
  readonly subset: string | undefined;
  readonly rules: TrafficRules | undefined;
  readonly policy: EffectivePolicy;
  /** Of a cluster to which a gateway passes on the mesh's own TLS. Only endpoints that end it have a place there, so nobody gets to others by way of a gateway that looks at no certificate. */
  readonly sniDnat?: boolean;
}

/** The endpoints of one cluster, by locality and in order of priority for this client. Empty where there are none. */
export function assignmentOf(
  view: ProxyView,
  { service, port, subset, rules, policy, sniDnat = false }: AssignmentTarget,
): ClusterLoadAssignment {
  const name = outboundCluster(service.host, port.number, subset);
  const clusterName = sniDnat ? sniOf(name) : name;
  const labels = subset === undefined ? {} : (rules?.subsets.find(({ name }) => name === subset)?.labels ?? {});
  const source = sourceOf(view, service, port);
  const portName = source.port?.name;
  const byName = source.service.resolution === "dns" || source.service.resolution === "dns-round-robin";
  const node = source.service.nodeLocal ? nodeOf(view) : undefined;
  // A rule that says how to connect goes before what the endpoint says of itself (Istio's `mtlsChecker`).
  const endsMtls = (endpoint: Endpoint) =>
    policy.tls === undefined ? expectsMtls(view, endpoint, endpoint.ports[portName ?? ""] ?? 0) : policy.tls.mode === "ISTIO_MUTUAL";
  const usable = view
    .endpoints(source.service.host)
    .filter(
      (endpoint) =>
        portName !== undefined &&
        endpoint.ports[portName] !== undefined &&
        selects(labels, endpoint.labels) &&
        (byName || endpoint.address.startsWith("unix://") || isIP(endpoint.address) !== 0) &&
        (node === undefined || endpoint.node === node) &&
        (!sniDnat || endsMtls(endpoint)),
    );
  const serving = usable.filter(({ health }) => health !== "draining");
  // What drains takes nothing new, unless nothing else is left (Kubernetes' KEP-1669).
  const chosen = serving.length > 0 ? serving : usable;
  const marks = view.hostMarks(source.service.host).filter((mark) => mark.port === source.port?.number);
  const judged = judge(chosen, portName ?? "", marks, policy.outlierDetection);
  const groups = groupByLocality(judged.endpoints);
  const endpoints = prioritize(groups, localitiesOf(policy, service, view.settings()), view);
  const isAutomatic = !sniDnat && policy.tls === undefined && automatic(view, source);
  const takesMtls = (endpoint: Endpoint) => isAutomatic && endsMtls(endpoint);
  return create(ClusterLoadAssignmentSchema, {
    clusterName,
    endpoints: endpoints.map(({ locality, priority, weight, endpoints: members }) => ({
      ...(locality === "" ? {} : { locality: localityMessage(locality) }),
      priority,
      lbEndpoints: members.map((endpoint) =>
        lbEndpoint(endpoint, {
          port: portName ?? "",
          service: source.service,
          clusterId: view.client().clusterId,
          mtls: takesMtls(endpoint),
          out: judged.out.has(hostAddress(endpoint, portName ?? "")),
        }),
      ),
      ...(members.length === 0 ? {} : { loadBalancingWeight: weight }),
    })),
  });
}

/** The node of the client, which only its own metadata tells; such assignments are each proxy's own. */
function nodeOf(view: ProxyView): string {
  const { NODE_NAME: name } = view.proxy().metadata;
  return typeof name === "string" ? name : "";
}

export function localityMessage(locality: string): { region: string; zone: string; subZone: string } {
  const [region = "", zone = "", ...rest] = locality.split("/");
  return { region, zone, subZone: rest.join("/") };
}

interface EndpointFacts {
  readonly port: string;
  readonly service: Service;
  readonly clusterId: string;
  readonly mtls: boolean;
  /** For all, by mesh-wide health. */
  readonly out: boolean;
}

function lbEndpoint(endpoint: Endpoint, { port, service, clusterId, mtls, out }: EndpointFacts): LbEndpoint {
  const { address, ports, weight, health } = endpoint;
  return create(LbEndpointSchema, {
    hostIdentifier: { case: "endpoint", value: { address: addressOf(address, ports[port] ?? 0) } },
    // Endpoints that are not ready are only here where the service wants them to have traffic.
    healthStatus: out || (health === "unhealthy" && !service.publishNotReady) ? HealthStatus.UNHEALTHY : HealthStatus.HEALTHY,
    loadBalancingWeight: weight,
    metadata: {
      filterMetadata: {
        // By this Envoy chooses among the cluster's `transport_socket_matches`.
        ...(mtls ? { "envoy.transport_socket_match": { tlsMode: "istio" } } : {}),
        istio: { workload: workloadOf(endpoint, clusterId) },
      },
    },
  });
}

/** Istio's `AppendLbEndpointMetadata`: workload, namespace, canonical name and revision, cluster; telemetry and logs name the host by it. */
function workloadOf({ workload, namespace, labels }: Endpoint, clusterId: string): string {
  const name = labels["service.istio.io/canonical-name"] ?? labels["app.kubernetes.io/name"] ?? labels["app"] ?? workload;
  const revision = labels["service.istio.io/canonical-revision"] ?? labels["app.kubernetes.io/version"] ?? labels["version"] ?? "latest";
  return `${workload};${namespace};${name};${revision};${clusterId}`;
}

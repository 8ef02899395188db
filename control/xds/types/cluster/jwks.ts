import { isIP } from "node:net";
import { create } from "@bufbuild/protobuf";
import { type Cluster, Cluster_DiscoveryType } from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { ClusterLoadAssignmentSchema } from "../../../envoy-api/generated/envoy/config/endpoint/v3/endpoint_pb.ts";
import { type ClientTls, type JwksUri, policyFor, type ProxyView } from "../../../model/index.ts";
import { jwksCluster, outboundCluster } from "../cluster-name.ts";
import { addressOf } from "../endpoint/address.ts";
import { sourceOf } from "../endpoint/alias.ts";
import { assignmentOf } from "../endpoint/assignment.ts";
import { jwksUriOf } from "../jwks.ts";
import { SYSTEM } from "../secret/names.ts";
import { applyConnectionPool } from "./connection-pool.ts";
import { applyDiscovery, discoveryOf } from "./discovery.ts";
import { type ClusterDraft, draftOf, finish } from "./draft.ts";
import { applyLoadBalancer } from "./load-balancer.ts";
import { applyMeshTls } from "./mesh-tls.ts";
import { metadataOf } from "./metadata.ts";
import { applyProtocol, upstreamProtocol } from "./protocol.ts";
import { applyTls } from "./tls.ts";

/** The clusters by which the filter `authentication` fetches keys, each by scheme, host and port: one for all rules and paths. */
export function jwksClusters(view: ProxyView): readonly Cluster[] {
  const uris = view.policies("RequestAuthentication").flatMap(({ rules }) => rules.map((rule) => jwksUriOf(view, rule)));
  const distinct = new Map(uris.flatMap((uri) => (uri === undefined ? [] : [[jwksCluster(uri), uri]])));
  return Array.from(distinct.values(), (uri) => jwksClusterFor(view, uri));
}

function jwksClusterFor(view: ProxyView, uri: JwksUri): Cluster {
  return meshCluster(view, uri) ?? outsideCluster(view, uri);
}

/**
 * To a service of the mesh, whether or not the proxy's Sidecar imports it: as the mesh connects to it, with the DestinationRule's settings. Its endpoints stand in the cluster, since proxies are told only of those of hosts
 * that they may call. Undefined where the mesh does not know where the service is.
 */
function meshCluster(view: ProxyView, uri: JwksUri): Cluster | undefined {
  const service = view.service(uri.host);
  const port = service?.ports.find(({ number, protocol }) => number === uri.port && protocol !== "udp");
  if (service === undefined || port === undefined) return undefined;
  const client = view.client();
  const settings = view.settings();
  const rules = view.trafficRules(service.host);
  const policy = policyFor(rules, port.number, undefined, settings.defaultTrafficPolicy);
  const source = sourceOf(view, service, port);
  const discovery = discoveryOf(source.service, client, policy.loadBalancer);
  if (discovery === "ORIGINAL_DST") return undefined;

  const draft = draftOf(outboundCluster(service.host, port.number));
  if (discovery === "EDS") draft.cluster.clusterDiscoveryType = { case: "type", value: Cluster_DiscoveryType.STATIC };
  else applyDiscovery(draft, discovery, client, settings);
  const assignment = assignmentOf(view, { service, port, subset: undefined, rules, policy });
  if (discovery !== "EDS" && assignment.endpoints.every(({ lbEndpoints }) => lbEndpoints.length === 0)) return undefined;
  draft.cluster.loadAssignment = assignment;
  const protocol = upstreamProtocol({ protocol: port.protocol, pool: policy.connectionPool, settings, isSidecar: false, outbound: true });
  applyProtocol(draft, protocol, policy.connectionPool, false);
  applyConnectionPool(draft, policy.connectionPool, settings, policy.retryBudget);
  applyLoadBalancer(draft, { loadBalancer: policy.loadBalancer, weightedLocalities: false, clientAffinity: false });
  // TLS that the rule has the proxy begin is that of the URI; otherwise the server ends what the URI asks for, behind which the mesh's own TLS has no place.
  const begins = policy.tls?.mode === "SIMPLE" || policy.tls?.mode === "MUTUAL" ? policy.tls : undefined;
  const tls = begins ?? (uri.secure ? serverTls(uri) : undefined);
  const filters =
    tls === undefined ? applyMeshTls(view, draft, { port, source, tls: policy.tls, upstream: protocol, toOriginal: false }) : {};
  if (tls !== undefined) applyTls(draft, { tls, subjectAltNames: service.subjectAltNames, http2: protocol === "http2", settings });
  draft.cluster.metadata = metadataOf({ services: [service], port: port.number, rule: rules?.object, filters });
  return named(draft, uri);
}

/** To a host that DNS knows, or to an address. */
function outsideCluster(view: ProxyView, uri: JwksUri): Cluster {
  const settings = view.settings();
  const draft = draftOf(outboundCluster(uri.host, uri.port));
  if (isIP(uri.host) === 0) applyDiscovery(draft, "STRICT_DNS", view.client(), settings);
  else draft.cluster.clusterDiscoveryType = { case: "type", value: Cluster_DiscoveryType.STATIC };
  draft.cluster.loadAssignment = create(ClusterLoadAssignmentSchema, {
    endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: "endpoint", value: { address: addressOf(uri.host, uri.port) } } }] }],
  });
  applyConnectionPool(draft, undefined, settings);
  if (uri.secure) applyTls(draft, { tls: serverTls(uri), subjectAltNames: [], http2: false, settings });
  return named(draft, uri);
}

/** The server must be whom the URI names. Who gives keys says who everybody is, so this holds whatever MeshConfig's `verifyCertificateAtClient` says. */
function serverTls({ host }: JwksUri): ClientTls {
  const nothing = { clientCertificate: undefined, privateKey: undefined, caCrl: undefined, credentialName: undefined };
  const sni = isIP(host) === 0 ? host : undefined;
  return { mode: "SIMPLE", ...nothing, caCertificates: SYSTEM, subjectAltNames: [host], sni, insecureSkipVerify: undefined };
}

function named(draft: ClusterDraft, uri: JwksUri): Cluster {
  const name = jwksCluster(uri);
  draft.cluster.name = name;
  draft.cluster.altStatName = `${name};`;
  if (draft.cluster.loadAssignment !== undefined) draft.cluster.loadAssignment.clusterName = name;
  return finish(draft);
}

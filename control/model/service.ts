import type { HostName } from "./host.ts";
import type { Labels } from "./labels.ts";
import type { MeshObject } from "./object.ts";
import type { ExportTo } from "./visibility.ts";

/** What is spoken on a port: from Istio's port names (`http-web`), `appProtocol` or ServiceEntry's `protocol`; `auto` is found out by Envoy. */
export type Protocol = "http" | "http2" | "grpc" | "grpc-web" | "https" | "tls" | "tcp" | "mongo" | "mysql" | "redis" | "udp" | "auto";

/** Whether requests on such a port are seen by HTTP filters without a look into the bytes. */
export function isHttp(protocol: Protocol): boolean {
  return protocol === "http" || protocol === "http2" || protocol === "grpc" || protocol === "grpc-web";
}

export interface ServicePort {
  /** Empty where the service has one port without a name. */
  readonly name: string;
  readonly number: number;
  readonly protocol: Protocol;
  /** Where its workloads listen: a number, or the name of a port of theirs; `number` where nothing else is said. */
  readonly targetPort: number | string;
}

/**
 * How the hosts behind a service are found. `static`: its endpoints are known here and sent as EDS. `dns`, `dns-round-robin`: Envoy resolves names (all
 * addresses, or the first). `none`: wherever the client wanted to go (original destination).
 */
export type Resolution = "static" | "dns" | "dns-round-robin" | "none";

/** Something that can be called by its name: of a Kubernetes Service or a ServiceEntry. */
export interface Service {
  readonly host: HostName;
  /** Name and namespace of the object; a ServiceEntry has a service for each host, of that name. */
  readonly name: string;
  readonly namespace: string;
  readonly exportTo: ExportTo;
  /** Virtual addresses: IPs, or CIDR ranges of a ServiceEntry. Empty for headless services and names that only HTTP carries. */
  readonly addresses: readonly string[];
  readonly ports: readonly ServicePort[];
  readonly resolution: Resolution;
  /** Whether its workloads are part of the mesh (mTLS, identities) or strangers. */
  readonly location: "internal" | "external";
  /** Labels of the workloads behind it; undefined where its endpoints are listed. */
  readonly selector: Labels | undefined;
  /** What the object itself lists: a ServiceEntry's `endpoints`. */
  readonly endpoints: readonly Endpoint[];
  /** Names that the certificate of the service must have one of. */
  readonly subjectAltNames: readonly string[];
  /** Kubernetes: `clusterIP: None`; clients connect to the workloads' own addresses. */
  readonly headless: boolean;
  /** Kubernetes: endpoints that are not ready get traffic too (`publishNotReadyAddresses`). */
  readonly publishNotReady: boolean;
  /** Kubernetes: `trafficDistribution` prefers endpoints in the client's zone (`PreferClose`, `PreferSameZone`) or on its node (`PreferSameNode`). */
  readonly preference: "none" | "zone" | "node";
  /** Kubernetes: `internalTrafficPolicy: Local` allows endpoints on the client's node only. */
  readonly nodeLocal: boolean;
  /** Kubernetes: `sessionAffinity: ClientIP` keeps a client's address at one endpoint. */
  readonly clientAffinity: boolean;
  readonly labels: Labels;
  readonly object: MeshObject;
}

/**
 * Whether two services of one host are one, with the ports and endpoints of both: ServiceEntries of a namespace that differ in nothing else that counts (Istio's `canMergeServices`). Of others a client gets one alone.
 */
export function mergesWith(a: Service, b: Service): boolean {
  const key = ({ namespace, resolution, labels, selector, exportTo, object }: Service): string =>
    JSON.stringify([
      namespace,
      resolution,
      object.kind,
      sorted(labels),
      selector === undefined ? null : sorted(selector),
      [...exportTo].sort(),
    ]);
  return a.host === b.host && a.object.kind === "ServiceEntry" && key(a) === key(b);
}

function sorted(labels: Labels): readonly (readonly [string, string])[] {
  return Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** `region/zone/subzone`, from the left as far as known; empty where nothing is. */
export type Locality = string;

/** One host behind a service. */
export interface Endpoint {
  /** An IP address, a name for `dns` services, or `unix://PATH`. */
  readonly address: string;
  /** Port numbers by the name of the service's port; what is not here does not listen there. 0 for a unix socket. */
  readonly ports: Readonly<Record<string, number>>;
  readonly labels: Labels;
  readonly locality: Locality;
  readonly network: string;
  /** Relative; 1 where nothing is said. */
  readonly weight: number;
  readonly serviceAccount: string;
  readonly namespace: string;
  /** Of the workload; for telemetry and for people. */
  readonly workload: string;
  readonly node: string;
  readonly health: "healthy" | "unhealthy" | "draining";
  /** Whether a proxy with a certificate of the mesh stands before it: by its label `security.istio.io/tlsMode`, or because such a proxy connected. Undefined: nobody says so, as `disabled`. */
  readonly tlsMode?: TlsMode | undefined;
}

/** Istio's label `security.istio.io/tlsMode`: with `istio` a proxy ends mTLS before the workload. */
export type TlsMode = "istio" | "disabled";

/** Endpoints that an object lists for a service: an EndpointSlice or Endpoints. */
export interface EndpointList {
  readonly host: HostName;
  readonly namespace: string;
  readonly endpoints: readonly Endpoint[];
  readonly object: MeshObject;
}

/** Something that runs and can be selected by labels: a Pod or a WorkloadEntry. */
export interface Workload {
  readonly name: string;
  readonly namespace: string;
  /** The deployment or the like that it belongs to, as telemetry names it. */
  readonly workloadName: string;
  readonly addresses: readonly string[];
  readonly labels: Labels;
  /** Empty where nobody says it. */
  readonly serviceAccount: string;
  /** Numbers of its ports by name. */
  readonly ports: Readonly<Record<string, number>>;
  readonly locality: Locality;
  readonly network: string;
  readonly weight: number;
  readonly node: string;
  readonly ready: boolean;
  readonly tlsMode?: TlsMode | undefined;
  /** WorkloadEntries are selected by ServiceEntries and Services; Pods by both too. */
  readonly object: MeshObject;
  /** What its pod says of its proxy: the annotation `proxy.istio.io/config`, as it is written. */
  readonly proxyConfig?: string;
}

/**
 * Where a workload listens for a port of a service: at the target port, by number or by the name that a port of the workload has. The workload's own port of the name of the service's goes first, and the service's number
 * stands for a name that it does not know (Istio's `convertWorkloadInstanceToServiceInstance`); but a Service's pod listens where Kubernetes says (`FindPort`), and without a port of that name nowhere.
 */
export function portOfWorkload(
  { ports, object }: Workload,
  service: Service,
  { name, number, targetPort }: ServicePort,
): number | undefined {
  const named = typeof targetPort === "number" ? targetPort : ports[targetPort];
  return object.kind === "Pod" && service.object.kind === "Service" ? named : (ports[name] ?? named ?? number);
}

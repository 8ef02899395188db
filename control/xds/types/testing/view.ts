import { defaultMeshSettings } from "../../../kinds/mesh-config/index.ts";
import {
  type Client,
  type Endpoint,
  type Gateway,
  type GatewayRouting,
  type HostName,
  type Identities,
  ipModeOf,
  type Inbound,
  type MeshObject,
  type MeshSettings,
  mtlsModeOf,
  type ModuleState,
  type Plugin,
  type Proxy,
  type ProxySettings,
  type ProxyView,
  type Routing,
  readProxy,
  type Secret,
  type Service,
  type ServicePort,
  type SidecarScope,
  type TrafficRules,
  type WorkloadMtls,
  mirrorsOf,
} from "../../../model/index.ts";

/** What there is in the mesh of a test; everything may be left out. */
export interface ViewContent {
  /** Default: a sidecar `sidecar~10.0.0.1~client.default~default.svc.cluster.local`. */
  readonly proxy?: Partial<Proxy>;
  readonly client?: Partial<Client>;
  readonly settings?: Partial<MeshSettings>;
  readonly proxySettings?: Partial<ProxySettings>;
  readonly services?: readonly Service[];
  /** By the host of their service. */
  readonly endpoints?: Readonly<Record<HostName, readonly Endpoint[]>>;
  readonly trafficRules?: Readonly<Record<HostName, TrafficRules>>;
  readonly routing?: Readonly<Record<HostName, Routing>>;
  readonly sidecar?: SidecarScope;
  readonly inbound?: Inbound;
  /** What every workload takes. Default: PERMISSIVE. */
  readonly mtls?: WorkloadMtls;
  readonly identities?: Readonly<Record<HostName, Identities>>;
  readonly gateways?: readonly Gateway[];
  /** By gateway (`namespace/name`), then host. */
  readonly gatewayRouting?: Readonly<Record<string, Readonly<Record<HostName, GatewayRouting>>>>;
  readonly secrets?: readonly Secret[];
  readonly roots?: readonly string[];
  readonly plugins?: readonly Plugin[];
  /** By the key of their request. */
  readonly modules?: Readonly<Record<string, ModuleState>>;
}

const PERMISSIVE: WorkloadMtls = { mode: "PERMISSIVE", object: undefined, ports: new Map() };
const SIDECAR = "sidecar~10.0.0.1~client.default~default.svc.cluster.local";
const ROUTER = "router~10.0.0.2~ingress.default~default.svc.cluster.local";

/** A proxy's view of the given content: what is there, is seen. */
export function viewOf(content: ViewContent): ProxyView {
  const read = readProxy({ id: content.proxy?.type === "router" ? ROUTER : SIDECAR, metadata: {} });
  if (typeof read === "string") throw new Error(read);
  const proxy: Proxy = { ...read, ...content.proxy };
  const settings: MeshSettings = { ...defaultMeshSettings, ...content.settings };
  const { type, namespace, labels, locality, network, clusterId, dnsDomain, interceptionMode, onDemand, identity } = proxy;
  const services = new Map((content.services ?? []).map((service) => [service.host, service]));
  const routed = Object.keys(content.routing ?? {}).filter((host) => !services.has(host));
  return {
    proxy: () => proxy,
    metadata: (key) => (typeof proxy.metadata[key] === "string" ? proxy.metadata[key] : undefined),
    client: () => ({
      type,
      namespace,
      labels,
      locality,
      network,
      clusterId,
      dnsDomain,
      interceptionMode,
      onDemand,
      ipMode: ipModeOf(proxy),
      identity,
      ...content.client,
    }),
    settings: () => settings,
    proxySettings: () => ({ ...settings.defaultConfig, ...content.proxySettings }),
    hosts: () => [...services.keys()].sort(),
    service: (host) => services.get(host),
    endpoints: (host) => content.endpoints?.[host] ?? [],
    identities: (host) => content.identities?.[host] ?? { exact: [], prefixes: [] },
    endpointMtls: (_, port) => mtlsModeOf(content.mtls ?? PERMISSIVE, port),
    trafficRules: (host) => content.trafficRules?.[host],
    routing: (host) => content.routing?.[host],
    routedHosts: () => routed.sort(),
    isMirrored: (host) => Object.values(content.routing ?? {}).some((routing) => mirrors(routing, host)),
    sidecar: () => content.sidecar,
    inbound: () => content.inbound ?? { ports: [] },
    mtls: () => content.mtls ?? PERMISSIVE,
    gateways: () => content.gateways ?? [],
    gatewayHosts: (gateway) => Object.keys(content.gatewayRouting?.[gateway] ?? {}).sort(),
    gatewayRouting: (gateway, host) => content.gatewayRouting?.[gateway]?.[host],
    secret: (name) => content.secrets?.find((each) => each.name === name),
    roots: () => content.roots ?? [],
    plugins: () => content.plugins ?? [],
    module: (key) => content.modules?.[key],
    policies: () => [],
    namespacePolicies: () => [],
    hostMarks: () => [],
    healthReports: () => undefined,
    discoveredKeys: () => undefined,
  };
}

function mirrors({ http }: Routing, host: HostName): boolean {
  return http.some((route) => mirrorsOf(route).some(({ destination }) => destination.host === host));
}

/** An object that nobody reads more of than its metadata. */
export function objectOf(kind: string, name: string, namespace = "default"): MeshObject {
  return {
    apiVersion: "v1",
    kind,
    metadata: { name, namespace, labels: {}, annotations: {}, creationTimestamp: undefined },
    spec: undefined,
    place: () => ({ file: `${name}.yaml`, line: 1, column: 1 }),
  };
}

/** A service of Kubernetes with one virtual address; `ports` by number: `{80: "http"}`. */
export function serviceOf(name: string, ports: Readonly<Record<number, ServicePort["protocol"]>>, more: Partial<Service> = {}): Service {
  const namespace = more.namespace ?? "default";
  return {
    host: `${name}.${namespace}.svc.cluster.local`,
    name,
    namespace,
    exportTo: ["*"],
    addresses: ["10.96.0.1"],
    ports: Object.entries(ports).map(([number, protocol]) => ({
      name: `port-${number}`,
      number: Number(number),
      protocol,
      targetPort: Number(number),
    })),
    resolution: "static",
    location: "internal",
    selector: { app: name },
    endpoints: [],
    subjectAltNames: [],
    headless: false,
    publishNotReady: false,
    preference: "none",
    nodeLocal: false,
    clientAffinity: false,
    labels: {},
    object: objectOf("Service", name, namespace),
    ...more,
  };
}

/** An endpoint at an address with the given ports by name. */
export function endpointOf(address: string, ports: Readonly<Record<string, number>> = {}, more: Partial<Endpoint> = {}): Endpoint {
  return {
    address,
    ports,
    labels: {},
    locality: "",
    network: "",
    weight: 1,
    serviceAccount: "default",
    namespace: "default",
    workload: "",
    node: "",
    health: "healthy",
    ...more,
  };
}

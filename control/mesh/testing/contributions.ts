import type {
  Contribution,
  Endpoint,
  Gateway,
  HttpMatch,
  HttpRoute,
  Kind,
  MeshObject,
  MeshSettings,
  Routing,
  Service,
  SidecarScope,
  TrafficRules,
  Workload,
} from "../../model/index.ts";
import { defaultMeshSettings } from "../../kinds/mesh-config/index.ts";

/** A kind whose objects carry what they contribute: a mesh of any shape, without the kinds that users write. */
export const CONTRIBUTED: Kind<Contribution> = {
  kind: "Contributed",
  group: "",
  versions: ["v1"],
  body: "document",
  fields: { shape: "contribution", read: (value) => value as Contribution },
  contribute: ({ spec }) => spec,
};

export const SETTINGS: MeshSettings = defaultMeshSettings;

/** An object of that kind; `make` gets it, since contributions name their object. */
export function contributed(
  name: string,
  make: (object: MeshObject) => Contribution,
  { namespace = "default", created }: { readonly namespace?: string; readonly created?: number } = {},
): MeshObject<Contribution> {
  const object: { -readonly [Key in keyof MeshObject<Contribution>]: MeshObject<Contribution>[Key] } = {
    apiVersion: "v1",
    kind: "Contributed",
    metadata: { name, namespace, labels: {}, annotations: {}, creationTimestamp: created },
    spec: {},
    place: () => ({ file: `${name}.yaml`, line: 1, column: 1 }),
  };
  object.spec = make(object);
  return object;
}

export function service(object: MeshObject, host: string, more: Partial<Service> = {}): Service {
  return {
    host,
    name: host.split(".")[0] ?? host,
    namespace: object.metadata.namespace,
    exportTo: ["*"],
    addresses: [],
    ports: [{ name: "http", number: 80, protocol: "http", targetPort: 8080 }],
    resolution: "static",
    location: "internal",
    selector: undefined,
    endpoints: [],
    subjectAltNames: [],
    headless: false,
    publishNotReady: false,
    preference: "none",
    nodeLocal: false,
    clientAffinity: false,
    labels: {},
    object,
    ...more,
  };
}

export function endpoint(address: string, more: Partial<Endpoint> = {}): Endpoint {
  return {
    address,
    ports: { http: 8080 },
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

export function workload(object: MeshObject, address: string, more: Partial<Workload> = {}): Workload {
  const { name, namespace } = object.metadata;
  return {
    name,
    namespace,
    workloadName: name,
    addresses: [address],
    labels: {},
    serviceAccount: "default",
    ports: {},
    locality: "",
    network: "",
    weight: 1,
    node: "",
    ready: true,
    object,
    ...more,
  };
}

export function httpMatch(more: Partial<HttpMatch> = {}): HttpMatch {
  return {
    name: "",
    uri: undefined,
    ignoreUriCase: false,
    scheme: undefined,
    method: undefined,
    authority: undefined,
    headers: [],
    withoutHeaders: [],
    queryParams: [],
    port: undefined,
    sourceLabels: {},
    sourceNamespace: undefined,
    gateways: undefined,
    statPrefix: undefined,
    ...more,
  };
}

const NO_OPERATIONS = { set: [], add: [], remove: [] };

export function httpRoute(object: MeshObject, to: string, more: Partial<HttpRoute> = {}): HttpRoute {
  return {
    name: "",
    match: [],
    route:
      to === ""
        ? []
        : [
            {
              destination: { host: to, subset: undefined, port: undefined },
              weight: 100,
              headers: { request: NO_OPERATIONS, response: NO_OPERATIONS },
            },
          ],
    redirect: undefined,
    directResponse: undefined,
    delegate: undefined,
    rewrite: undefined,
    timeout: undefined,
    retries: undefined,
    fault: undefined,
    mirror: undefined,
    mirrors: [],
    cors: undefined,
    headers: { request: NO_OPERATIONS, response: NO_OPERATIONS },
    object,
    path: ["spec", "http", 0],
    ...more,
  };
}

export function routing(object: MeshObject, hosts: readonly string[], http: readonly HttpRoute[], more: Partial<Routing> = {}): Routing {
  return { hosts, gateways: ["mesh"], exportTo: ["*"], http, tls: [], tcp: [], object, ...more };
}

export function trafficRules(
  object: MeshObject,
  host: string,
  subsets: readonly string[] = [],
  more: Partial<TrafficRules> = {},
): TrafficRules {
  return {
    host,
    exportTo: ["*"],
    workloadSelector: undefined,
    subsets: subsets.map((name) => ({ name, labels: { version: name }, policy: NO_POLICY })),
    policy: NO_POLICY,
    object,
    ...more,
  };
}

export const NO_POLICY: TrafficRules["policy"] = {
  ports: new Map(),
  tunnel: undefined,
  proxyProtocol: undefined,
  retryBudget: undefined,
  loadBalancer: undefined,
  connectionPool: undefined,
  outlierDetection: undefined,
  tls: undefined,
};

export function sidecar(
  object: MeshObject,
  hosts: readonly (readonly [namespace: string, host: string])[],
  more: Partial<SidecarScope> = {},
): SidecarScope {
  const { name, namespace } = object.metadata;
  return {
    name,
    namespace,
    workloadSelector: undefined,
    ingress: [],
    egress: [{ port: undefined, bind: undefined, captureMode: "DEFAULT", hosts: hosts.map(([from, host]) => ({ namespace: from, host })) }],
    outboundTrafficPolicy: undefined,
    inboundConnectionPool: undefined,
    object,
    ...more,
  };
}

export function gateway(
  object: MeshObject,
  hosts: readonly (readonly [namespace: string, host: string])[],
  more: Partial<Gateway> = {},
): Gateway {
  const { name, namespace } = object.metadata;
  const port = { number: 80, name: "http", protocol: "http" as const, targetPort: undefined };
  return {
    name,
    namespace,
    selector: { app: "gateway" },
    servers: [{ name: "", port, bind: "", hosts: hosts.map(([from, host]) => ({ namespace: from, host })), tls: undefined, index: 0 }],
    object,
    ...more,
  };
}

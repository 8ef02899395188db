import { stringify } from "yaml";
import type { Place } from "./client.ts";
import { MeshError } from "./mesh-error.ts";
import type { Places } from "./runtime.ts";
import type { DeclaredGateway, DeclaredService, DeclaredWorkload } from "./spec.ts";

/** Where a workload runs. Nothing is redirected: its Sidecar says where its Envoy listens, instead. */
export interface PlacedWorkload {
  readonly workload: DeclaredWorkload;
  /** Where the program listens, on 127.0.0.1. */
  readonly programPort: number;
  /** Where its Envoy takes requests for it, at the service's port. */
  readonly inbound: string;
  /** Where it takes the program's own, at the ports of the services that are called. */
  readonly outbound: string;
  /** Where callers are told that it is: `inbound`, or what stands before it. */
  readonly published: string;
  /** Socket on which its Envoy takes requests for any port. */
  readonly egress: string;
  /** Socket on which a script listens, instead of `programPort`. */
  readonly socket?: string;
  /** Where this process finds its Envoy for what it calls, by port; others by `egress`. */
  readonly doors: ReadonlyMap<number, Place>;
  /** Whether somebody leads to `egress` from the address that a program takes for its proxy. Default: false. */
  readonly hasEgressProxy?: boolean;
}

export interface PlacedGateway {
  readonly gateway: DeclaredGateway;
  readonly address: string;
  /** Where this process reaches it. */
  readonly host: string;
  /** Ports where it listens, by those that its Gateways name. */
  readonly listening: ReadonlyMap<number, number>;
}

/** By which selectors tell workloads of one service apart (Kubernetes' recommended labels). */
const INSTANCE = "app.kubernetes.io/instance";
/** Protocols whose requests tell by themselves which service they are for; others need a port for each service. */
export const HOST_NAMED: ReadonlySet<string> = new Set(["http", "http2", "grpc"]);

/** What a sidecar takes at the port of services, for its workload. */
interface Egress {
  readonly port: number;
  readonly protocol: "HTTP" | "TCP";
  readonly hosts: readonly string[];
}

/** @throws MeshError where services share a port that cannot be told apart */
function egressOf(services: readonly DeclaredService[]): readonly Egress[] {
  const http = new Set(services.filter(({ protocol }) => HOST_NAMED.has(protocol)).map(({ port }) => port));
  const others = services.filter(({ protocol }) => !HOST_NAMED.has(protocol));
  const twice = others.find((each, index) => http.has(each.port) || others.findIndex(({ port }) => port === each.port) !== index);
  if (twice !== undefined) {
    const { name, protocol, port } = twice;
    throw new MeshError(
      "spec",
      `services.${name}: another service has port ${port} too, and ${protocol} does not say whom it is for; choose another port`,
    );
  }
  return [
    ...[...http].map((port): Egress => ({ port, protocol: "HTTP", hosts: EVERYBODY })),
    ...others.map(({ name, namespace, port }): Egress => {
      return { port, protocol: "TCP", hosts: [`${namespace}/${name}.${namespace}.svc.cluster.local`] };
    }),
  ];
}

const EVERYBODY = ["*/*"];

export function labelsOf({ name, service, version, labels }: DeclaredWorkload): Readonly<Record<string, string>> {
  return { app: service.name, [INSTANCE]: name, ...(version !== undefined && { version }), ...labels };
}

/** What a platform says of its services and workloads, and what stands in for its capture of connections. */
export function platformObjects(
  { workloads, gateways, ownSources = false }: Pick<Places, "workloads" | "gateways" | "ownSources">,
  mtls: boolean,
): string {
  const services = new Map(workloads.map(({ workload: { service } }) => [`${service.name}.${service.namespace}`, service]));
  const egress = egressOf([...services.values()]);
  const documents: unknown[] = [
    ...[...services.values()].map(({ name, namespace, port, protocol }) =>
      service(name, namespace, { [protocol]: { port, targetPort: port } }),
    ),
    ...workloads.flatMap((each) => [workloadEntry(each), sidecar(each, egress)]),
    ...gateways.flatMap(({ gateway: { name, namespace, labels }, address, listening }) => [
      service(
        name,
        namespace,
        Object.fromEntries([...listening].map(([port, targetPort]) => [gatewayPortName(port), { port, targetPort }])),
      ),
      {
        apiVersion: "networking.istio.io/v1",
        kind: "WorkloadEntry",
        metadata: { name, namespace },
        spec: {
          address,
          labels: { app: name, ...labels },
          ports: Object.fromEntries([...listening].map(([port, targetPort]) => [gatewayPortName(port), targetPort])),
          serviceAccount: name,
        },
      },
    ]),
    ...(mtls ? [strict()] : []),
    ...(ownSources
      ? [
          ...workloads.map(({ workload: { name, service }, inbound }) =>
            ownSource(name, service.namespace, INSTANCE, "SIDECAR_OUTBOUND", inbound),
          ),
          ...gateways.map(({ gateway: { name, namespace }, address }) => ownSource(name, namespace, "app", "GATEWAY", address)),
        ]
      : []),
  ];
  return documents.map((document) => stringify(document, { aliasDuplicateObjects: false })).join("---\n");
}

function service(
  name: string,
  namespace: string,
  ports: Readonly<Record<string, { readonly port: number; readonly targetPort: number }>>,
): unknown {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: Object.entries(ports).map(([each, numbers]) => ({ name: each, ...numbers })) },
  };
}

function workloadEntry({ workload, published }: PlacedWorkload): unknown {
  const { name, service } = workload;
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "WorkloadEntry",
    metadata: { name, namespace: service.namespace },
    spec: {
      address: published,
      labels: labelsOf(workload),
      ports: { [service.protocol]: service.port },
      serviceAccount: service.name,
    },
  };
}

function sidecar({ workload, programPort, inbound, outbound, egress, socket }: PlacedWorkload, called: readonly Egress[]): unknown {
  const { name, service } = workload;
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Sidecar",
    metadata: { name, namespace: service.namespace },
    spec: {
      workloadSelector: { labels: { [INSTANCE]: name } },
      ingress: [
        {
          port: { number: service.port, protocol: service.protocol.toUpperCase(), name: service.protocol },
          bind: inbound,
          captureMode: "NONE",
          defaultEndpoint: socket === undefined ? `127.0.0.1:${programPort}` : `unix://${socket}`,
        },
      ],
      egress: [
        ...called.map(({ port: number, protocol, hosts }) => ({
          port: { number, protocol, name: `${protocol.toLowerCase()}-${number}` },
          bind: outbound,
          captureMode: "NONE",
          hosts,
        })),
        { port: { number: 0, protocol: "HTTP", name: "http" }, bind: `unix://${egress}`, captureMode: "NONE", hosts: EVERYBODY },
      ],
    },
  };
}

/** Connections that a proxy makes come from its own address: by that a link knows whose they are. */
function ownSource(name: string, namespace: string, label: string, context: string, address: string): unknown {
  return {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    metadata: { name: `${name}-source`, namespace },
    spec: {
      workloadSelector: { labels: { [label]: name } },
      configPatches: [
        {
          applyTo: "CLUSTER",
          match: { context },
          patch: { operation: "MERGE", value: { upstream_bind_config: { source_address: { address, port_value: 0 } } } },
        },
      ],
    },
  };
}

function strict(): unknown {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "PeerAuthentication",
    metadata: { name: "default", namespace: "istio-system" },
    spec: { mtls: { mode: "STRICT" } },
  };
}

function gatewayPortName(port: number): string {
  return port === 443 ? "https-443" : `http-${port}`;
}

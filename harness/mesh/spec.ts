import type { Script } from "../upstreams/index.ts";
import { MeshError } from "./mesh-error.ts";

/** A mesh, declared. */
export interface MeshSpec {
  /** By `NAME` or `NAME.NAMESPACE` (default: `default`). */
  readonly services: Readonly<Record<string, ServiceSpec>>;
  /** Envoys at the edge, by `NAME` or `NAME.NAMESPACE`; they have the label `app: NAME`. Default: none. */
  readonly gateways?: Readonly<Record<string, GatewaySpec>>;
  /** Istio's and Kubernetes' YAML beside what the services imply, by file name. Default: none. */
  readonly config?: Readonly<Record<string, string>>;
  readonly control?: ControlSpec;
  /**
   * Processes of this machine, without privileges; or containers on a network of their own, by testcontainers, with the files of this machine: each workload has an address with the ports of its services to itself,
   * and can be taken off the network. Default: `process`.
   */
  readonly runtime?: "process" | "container";
  /** Of every proxy. */
  readonly proxies?: ProcessSpec;
  /** Every workload has an identity, and nobody takes plain text (PeerAuthentication `STRICT`). Default: true. */
  readonly mtls?: boolean;
  /** Whether there is a link between each two, for `mesh.link()`. Every connection costs a hop more then. Default: false. */
  readonly links?: boolean;
  /** Worker threads of each Envoy. Default: 1, so that a test knows which one answers. */
  readonly concurrency?: number;
  /** Milliseconds until what does not get ready is given up. Default: 60,000. */
  readonly startTimeout?: number;
}

export interface ServiceSpec {
  readonly port: number;
  /** As in the names of Kubernetes' ports. Default: `http`. */
  readonly protocol?: PortProtocol;
  /** How many, named `SERVICE-1` and so on; or by version, named `SERVICE-VERSION`, with the label `version`. Default: 1. */
  readonly workloads?: number | Readonly<Record<string, WorkloadSpec>>;
}

export type PortProtocol = "http" | "http2" | "grpc" | "tcp" | "tls" | "https";

export interface WorkloadSpec {
  /** What it answers. Default: 200 with its name. */
  readonly script?: Script;
  /**
   * A program of one's own instead, with its arguments. It finds the port that it has to listen on (of 127.0.0.1) in `PORT`, and in `HTTP_PROXY` where its sidecar takes the requests that it makes.
   */
  readonly command?: readonly [string, ...string[]];
  /** Variables of that program. Default: none. */
  readonly env?: Readonly<Record<string, string>>;
  /** Beside `app` and `version`. Default: none. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface GatewaySpec {
  /** Ports of its Gateways' servers. Each listens on a free port of this machine. Default: 80 and 443. */
  readonly ports?: readonly number[];
  /** Default: none beside `app`. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** How a process of the mesh is started. */
export interface ProcessSpec {
  /** More parameters of `meshwright serve` or `meshwright proxy`. Default: none. */
  readonly parameters?: readonly string[];
  /** Variables beside those of this process. Default: none. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface ControlSpec extends ProcessSpec {
  /** Whether it keeps over a restart what it knew (`--state`). Default: false; its authority is kept always. */
  readonly keepsState?: boolean;
}

/** A workload as it was declared, with the service that it belongs to. */
export interface DeclaredWorkload extends WorkloadSpec {
  /** `reviews-v1` */
  readonly name: string;
  readonly service: DeclaredService;
  readonly version: string | undefined;
}

export interface DeclaredService {
  readonly name: string;
  readonly namespace: string;
  readonly port: number;
  readonly protocol: PortProtocol;
}

export interface DeclaredGateway {
  readonly name: string;
  readonly namespace: string;
  readonly ports: readonly number[];
  readonly labels: Readonly<Record<string, string>>;
}

/** The parts of a mesh, complete. */
export interface Declared {
  readonly services: readonly DeclaredService[];
  readonly workloads: readonly DeclaredWorkload[];
  readonly gateways: readonly DeclaredGateway[];
}

/** DNS labels (RFC 1123), as Kubernetes takes them for names. */
const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const VERSION = /^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/;
/** Addresses that one mesh has for its workloads and gateways. */
export const MOST = 80;

/** @throws MeshError `spec` where something is none */
export function declare({ services, gateways = {} }: MeshSpec): Declared {
  const declared = Object.entries(services).map(([key, spec]) => {
    const { port, protocol = "http" } = spec;
    checkPort(`services.${key}.port`, port);
    const service: DeclaredService = { ...named(`services.${key}`, key), port, protocol };
    return { service, workloads: workloadsOf(key, service, spec.workloads ?? 1) };
  });
  const atEdge = Object.entries(gateways).map(([key, { ports = [80, 443], labels = {} }]) => {
    for (const port of ports) checkPort(`gateways.${key}.ports`, port);
    return { ...named(`gateways.${key}`, key), ports, labels };
  });
  const workloads = declared.flatMap((each) => each.workloads);
  const names = [...workloads, ...atEdge].map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new MeshError("spec", `two workloads or gateways are named ${twice}; give one service, version or gateway another name`);
  if (names.length > MOST) throw new MeshError("spec", `the mesh has ${names.length} workloads and gateways; at most ${MOST} are possible`);
  return { services: declared.map(({ service }) => service), workloads, gateways: atEdge };
}

function workloadsOf(key: string, service: DeclaredService, spec: NonNullable<ServiceSpec["workloads"]>): DeclaredWorkload[] {
  if (typeof spec === "number") {
    if (!Number.isInteger(spec) || spec < 0) throw new MeshError("spec", `services.${key}.workloads: ${spec} is no number of workloads`);
    return Array.from({ length: spec }, (_, index) => ({ name: `${service.name}-${index + 1}`, service, version: undefined }));
  }
  return Object.entries(spec).map(([version, workload]) => {
    if (!VERSION.test(version))
      throw new MeshError("spec", `services.${key}.workloads.${version}: a version is made of a-z, 0-9 and -, such as v1`);
    if (workload.script !== undefined && workload.command !== undefined)
      throw new MeshError("spec", `services.${key}.workloads.${version} has a script and a command; give one of them`);
    return { ...workload, name: `${service.name}-${version}`, service, version };
  });
}

function named(path: string, key: string): { readonly name: string; readonly namespace: string } {
  const [name = "", namespace = "default", ...rest] = key.split(".");
  if (!NAME.test(name) || !NAME.test(namespace) || rest.length > 0)
    throw new MeshError("spec", `${path}: expected NAME or NAME.NAMESPACE of a-z, 0-9 and -`);
  return { name, namespace };
}

function checkPort(path: string, port: number): void {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new MeshError("spec", `${path}: ${port} is no port; expected 1 to 65535`);
}

import type { GatewayHost, ServerTls } from "./gateway.ts";
import type { Labels } from "./labels.ts";
import type { MeshObject } from "./object.ts";
import type { Destination } from "./routing.ts";
import type { Protocol } from "./service.ts";
import type { ConnectionPool } from "./traffic-policy.ts";

/** What a proxy is told of the mesh and where it listens, in the words of Istio's Sidecar. */
export interface SidecarScope {
  readonly name: string;
  readonly namespace: string;
  /** Undefined: every workload of the namespace without a Sidecar of its own; in the root namespace every one of the mesh. */
  readonly workloadSelector: Labels | undefined;
  readonly ingress: readonly SidecarIngress[];
  readonly egress: readonly SidecarEgress[];
  readonly outboundTrafficPolicy: OutboundTrafficPolicy | undefined;
  readonly inboundConnectionPool: ConnectionPool | undefined;
  readonly object: MeshObject;
}

export interface OutboundTrafficPolicy {
  readonly mode: "ALLOW_ANY" | "REGISTRY_ONLY";
  readonly egressProxy: Destination | undefined;
}

export interface SidecarPort {
  readonly number: number;
  readonly protocol: Protocol;
  readonly name: string;
  /** `HTTP_PROXY`: clients say with each request which host and port they want. */
  readonly httpProxy?: true;
}

export interface SidecarIngress {
  readonly port: SidecarPort;
  readonly bind: string | undefined;
  readonly captureMode: CaptureMode;
  /** `127.0.0.1:8080`, `[::1]:8080`, `0.0.0.0:PORT` (the instance's own address) or `unix://PATH`; undefined: the port itself. */
  readonly defaultEndpoint: string | undefined;
  readonly connectionPool: ConnectionPool | undefined;
  readonly tls: ServerTls | undefined;
}

export interface SidecarEgress {
  readonly port: SidecarPort | undefined;
  /** An address, or `unix://PATH`. */
  readonly bind: string | undefined;
  readonly captureMode: CaptureMode;
  /** `./*`, `prod/*.example.com`, `~/*` (none). */
  readonly hosts: readonly GatewayHost[];
}

export type CaptureMode = "DEFAULT" | "IPTABLES" | "NONE";

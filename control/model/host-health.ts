import type { HostName } from "./host.ts";

/** A host of the mesh: one address behind one port of a service. */
export interface HostId {
  readonly service: HostName;
  /** Of the service. */
  readonly port: number;
  /** `ip:port`, `[ipv6]:port`: as Envoy writes addresses. */
  readonly address: string;
}

/** What the mesh as a whole has found out about a host: who asks callers alone, knows less. */
export interface HostMark extends HostId {
  /** What it gets of its usual requests, in per cent: 0 while it is out, some while it comes back. */
  readonly share: number;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** Where the ejection filters of proxies report what they saw of hosts. */
export interface HealthReportTarget {
  /** Of the request, at the address of xDS. */
  readonly path: string;
  /** Milliseconds between two reports of a proxy. */
  readonly period: number;
}

/** What mesh-wide health adds to the mesh. */
export interface MeshHealthState {
  /** Undefined where nobody is asked to report. */
  readonly reports: HealthReportTarget | undefined;
  /** Hosts that are not as they should be, by their service; those that are longest so go first. */
  readonly marks: ReadonlyMap<HostName, readonly HostMark[]>;
}

/** What a DestinationRule's `outlierDetection` says of the hosts of a service, with Istio's defaults. Milliseconds; percentages 0 to 100. */
export interface HealthLimits {
  /** Requests of a caller within the window from which its word counts. */
  readonly requests: number;
  readonly interval: number;
  readonly baseEjectionTime: number;
  readonly maxEjectionPercent: number;
  readonly minHealthPercent: number;
  /** Over which a host comes back (`warmup` of the load balancer). */
  readonly returnTime: number;
}

/** One port of a service, as the mesh knows it now. */
export interface HostGroup {
  readonly hosts: readonly KnownHost[];
  /** Undefined where no DestinationRule asks for outlier detection: then hosts are left alone. */
  readonly limits: HealthLimits | undefined;
}

export interface KnownHost {
  readonly address: string;
  /** Whether the mesh's own objects say that it takes requests. */
  readonly healthy: boolean;
}

/** How Envoy writes the address of a host. */
export function formatHostAddress(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

import type { HostName } from "./host.ts";
import type { Labels } from "./labels.ts";
import type { MeshObject } from "./object.ts";
import type { ExportTo } from "./visibility.ts";

// How connections to a host are made and kept, in the words of Istio's DestinationRule. Times are milliseconds; percentages are 0 to 100. Undefined: not said here, so the next
// wider policy or the mesh's default holds.

export interface TrafficRules {
  readonly host: HostName;
  readonly exportTo: ExportTo;
  /** Of the client's workload; undefined: every client. */
  readonly workloadSelector: Labels | undefined;
  readonly subsets: readonly Subset[];
  readonly policy: TrafficPolicy;
  readonly object: MeshObject;
}

export interface Subset {
  readonly name: string;
  readonly labels: Labels;
  readonly policy: TrafficPolicy;
}

export interface TrafficPolicy extends PortPolicy {
  /** Replaces, does not inherit, for the port of that number. */
  readonly ports: ReadonlyMap<number, PortPolicy>;
  readonly tunnel: { readonly protocol: "CONNECT" | "POST"; readonly targetHost: string; readonly targetPort: number } | undefined;
  readonly proxyProtocol: "V1" | "V2" | undefined;
  readonly retryBudget:
    { readonly percent: number; readonly minRetryConcurrency: number; readonly budgetInterval: number | undefined } | undefined;
}

export interface PortPolicy {
  readonly loadBalancer: LoadBalancer | undefined;
  readonly connectionPool: ConnectionPool | undefined;
  readonly outlierDetection: OutlierDetection | undefined;
  readonly tls: ClientTls | undefined;
}

export interface LoadBalancer {
  readonly simple: "LEAST_REQUEST" | "ROUND_ROBIN" | "RANDOM" | "PASSTHROUGH" | undefined;
  readonly consistentHash: ConsistentHash | undefined;
  readonly locality: LocalityLoadBalancing | undefined;
  readonly warmup: { readonly duration: number; readonly minimumPercent: number; readonly aggression: number } | undefined;
}

export interface ConsistentHash {
  readonly key:
    | { readonly header: string }
    | {
        readonly cookie: {
          readonly name: string;
          readonly path: string | undefined;
          readonly ttl: number | undefined;
          readonly attributes: readonly { readonly name: string; readonly value: string }[];
        };
      }
    | { readonly queryParameter: string }
    | "source-ip";
  readonly algorithm: { readonly ringHash: { readonly minimumRingSize: number } } | { readonly maglev: { readonly tableSize: number } };
}

export interface LocalityLoadBalancing {
  readonly enabled: boolean | undefined;
  readonly distribute: readonly { readonly from: string; readonly to: Readonly<Record<string, number>> }[];
  readonly failover: readonly { readonly from: string; readonly to: string }[];
  /** Labels, or `label=value`, in falling importance. */
  readonly failoverPriority: readonly string[];
}

export interface ConnectionPool {
  readonly maxConnections: number | undefined;
  readonly connectTimeout: number | undefined;
  readonly tcpKeepalive:
    { readonly probes: number | undefined; readonly time: number | undefined; readonly interval: number | undefined } | undefined;
  readonly maxConnectionDuration: number | undefined;
  readonly tcpIdleTimeout: number | undefined;
  readonly http1MaxPendingRequests: number | undefined;
  readonly http2MaxRequests: number | undefined;
  readonly maxRequestsPerConnection: number | undefined;
  readonly maxRetries: number | undefined;
  readonly httpIdleTimeout: number | undefined;
  readonly h2UpgradePolicy: "DEFAULT" | "DO_NOT_UPGRADE" | "UPGRADE" | undefined;
  readonly useClientProtocol: boolean | undefined;
  readonly maxConcurrentStreams: number | undefined;
  readonly http2KeepAlive: { readonly interval: number; readonly timeout: number } | undefined;
}

export interface OutlierDetection {
  readonly splitExternalLocalOriginErrors: boolean | undefined;
  readonly consecutiveLocalOriginFailures: number | undefined;
  readonly consecutiveGatewayErrors: number | undefined;
  readonly consecutive5xxErrors: number | undefined;
  readonly interval: number | undefined;
  readonly baseEjectionTime: number | undefined;
  readonly maxEjectionPercent: number | undefined;
  readonly minHealthPercent: number | undefined;
  /** Status codes that count as errors, in the place of 5xx; empty: 5xx. */
  readonly httpErrorCodes: readonly number[];
}

export interface ClientTls {
  readonly mode: "DISABLE" | "SIMPLE" | "MUTUAL" | "ISTIO_MUTUAL";
  readonly clientCertificate: string | undefined;
  readonly privateKey: string | undefined;
  readonly caCertificates: string | undefined;
  readonly caCrl: string | undefined;
  readonly credentialName: string | undefined;
  readonly subjectAltNames: readonly string[];
  readonly sni: string | undefined;
  readonly insecureSkipVerify: boolean | undefined;
}

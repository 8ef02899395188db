import type { MeshObject } from "./object.ts";
import type { OutboundTrafficPolicy } from "./sidecar.ts";
import type { Retries } from "./routing.ts";
import type { ConnectionPool, LocalityLoadBalancing } from "./traffic-policy.ts";
import type { Labels } from "./labels.ts";
import type { ExportTo } from "./visibility.ts";

/** What holds for the whole mesh, in the words of Istio's MeshConfig, defaults filled in. Times are milliseconds. */
export interface MeshSettings {
  /** Policies of this namespace hold for all. `istio-system`. */
  readonly rootNamespace: string;
  /** `cluster.local` */
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
  /** The end of services' host names: `cluster.local`. */
  readonly domainSuffix: string;
  readonly outboundTrafficPolicy: OutboundTrafficPolicy;
  readonly inboundTrafficPolicy: "PASSTHROUGH" | "LOCALHOST";
  /** Empty: no log. */
  readonly accessLogFile: string;
  readonly accessLogEncoding: "TEXT" | "JSON";
  /** Empty: Istio's default format. */
  readonly accessLogFormat: string;
  readonly pathNormalization: "NONE" | "BASE" | "MERGE_SLASHES" | "DECODE_AND_MERGE_SLASHES";
  readonly connectTimeout: number;
  readonly tcpKeepalive: ConnectionPool["tcpKeepalive"];
  readonly h2UpgradePolicy: "DO_NOT_UPGRADE" | "UPGRADE";
  readonly localityLbSetting: LocalityLoadBalancing;
  readonly defaultServiceExportTo: ExportTo;
  readonly defaultVirtualServiceExportTo: ExportTo;
  readonly defaultDestinationRuleExportTo: ExportTo;
  readonly defaultHttpRetryPolicy: Retries | undefined;
  /** 0: for ever. */
  readonly protocolDetectionTimeout: number;
  readonly dnsRefreshRate: number;
  readonly verifyCertificateAtClient: boolean;
  readonly extensionProviders: readonly ExtensionProvider[];
  readonly defaultProviders: {
    readonly tracing: readonly string[];
    readonly metrics: readonly string[];
    readonly accessLogging: readonly string[];
  };
  readonly enableTracing: boolean;
  readonly defaultConfig: ProxySettings;
  readonly object: MeshObject | undefined;
}

/** Something outside that filters and logs speak to, by name; its options as MeshConfig has them. */
export interface ExtensionProvider {
  readonly name: string;
  /** The member of MeshConfig's oneof: `envoyExtAuthzHttp`, `opentelemetry`, `envoyFileAccessLog`, ... */
  readonly type: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** What holds for one proxy, in the words of Istio's ProxyConfig: MeshConfig's `defaultConfig`, then ProxyConfig objects of the root namespace, the namespace, the workload. */
export interface ProxySettings {
  /** Envoy's worker threads; 0: as many as processors. */
  readonly concurrency: number | undefined;
  readonly environmentVariables: Readonly<Record<string, string>>;
  readonly drainDuration: number | undefined;
  readonly terminationDrainDuration: number | undefined;
  /** Percentage of requests that are traced. */
  readonly tracingSampling: number | undefined;
  readonly tracing: Readonly<Record<string, unknown>> | undefined;
  readonly gatewayTopology: {
    readonly numTrustedProxies: number;
    readonly forwardClientCertDetails: string | undefined;
    readonly proxyProtocol: boolean;
  };
  readonly statusPort: number | undefined;
  readonly proxyHeaders: Readonly<Record<string, unknown>> | undefined;
}

/** ProxyConfig: settings for the selected proxies of its namespace. */
export interface ProxySettingsOverride {
  readonly name: string;
  readonly namespace: string;
  readonly selector: Labels;
  readonly settings: Partial<ProxySettings>;
  readonly object: MeshObject;
}

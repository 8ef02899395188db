import type { MeshObject } from "./object.ts";
import type { OutboundTrafficPolicy } from "./sidecar.ts";
import type { Retries } from "./routing.ts";
import type { ClientTls, ConnectionPool, LocalityLoadBalancing, OutlierDetection } from "./traffic-policy.ts";
import type { Labels } from "./labels.ts";
import type { ExportTo } from "./visibility.ts";

/** What holds for the whole mesh, in the words of Istio's MeshConfig, defaults filled in. Times are milliseconds. */
export interface MeshSettings {
  /** Policies of this namespace hold for all. `istio-system`. */
  readonly rootNamespace: string;
  /** `cluster.local` */
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
  /** Whether clients speak mTLS to workloads that take it, where no DestinationRule says how to connect. */
  readonly enableAutoMtls: boolean;
  /** Of the mesh's own TLS, between workloads. */
  readonly meshMtls: {
    readonly minProtocolVersion: "TLSV1_2" | "TLSV1_3";
    /** Names of BoringSSL, up to TLS 1.2. Empty: Istio's. */
    readonly cipherSuites: readonly string[];
  };
  /** The end of services' host names: `cluster.local`. */
  readonly domainSuffix: string;
  readonly outboundTrafficPolicy: OutboundTrafficPolicy;
  readonly inboundTrafficPolicy: "PASSTHROUGH" | "LOCALHOST";
  /** Where redirected connections of workloads come in: outbound 15001, inbound 15006. */
  readonly proxyListenPort: number;
  readonly proxyInboundListenPort: number;
  /** Where sidecars are HTTP proxies; 0: nowhere. */
  readonly proxyHttpPort: number;
  /** Names of clusters in statistics, with `%SERVICE%` and the like; empty: their own. */
  readonly inboundClusterStatName: string;
  readonly outboundClusterStatName: string;
  /** Empty: no log. */
  readonly accessLogFile: string;
  readonly accessLogEncoding: "TEXT" | "JSON";
  /** Empty: Istio's default format. */
  readonly accessLogFormat: string;
  readonly enableEnvoyAccessLogService: boolean;
  /** Whether connections that no filter chain takes are left out of the access log. */
  readonly disableEnvoyListenerLog: boolean;
  readonly pathNormalization: "NONE" | "BASE" | "MERGE_SLASHES" | "DECODE_AND_MERGE_SLASHES";
  readonly connectTimeout: number;
  readonly tcpKeepalive: ConnectionPool["tcpKeepalive"];
  readonly h2UpgradePolicy: "DO_NOT_UPGRADE" | "UPGRADE";
  readonly localityLbSetting: LocalityLoadBalancing;
  /** Of connections to services, block by block where no DestinationRule says how; undefined: Istio's. */
  readonly defaultTrafficPolicy:
    { readonly connectionPool: ConnectionPool | undefined; readonly outlierDetection: OutlierDetection | undefined } | undefined;
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
  /** For TLS that is not the mesh's own, where a server says nothing else. */
  readonly tlsDefaults: {
    readonly minProtocolVersion: "TLSV1_2" | "TLSV1_3" | undefined;
    readonly ecdhCurves: readonly string[];
    readonly cipherSuites: readonly string[];
  };
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
  /** `HOST:PORT` to which logs are sent, with `enableEnvoyAccessLogService`. */
  readonly accessLogService: string | undefined;
  readonly gatewayTopology: {
    readonly numTrustedProxies: number;
    readonly forwardClientCertDetails: ForwardClientCertDetails | undefined;
    readonly proxyProtocol: boolean;
  };
  /** Of the proxy's health; undefined: 15021. */
  readonly statusPort: number | undefined;
  /** Of Envoy's admin interface; undefined: 15000. */
  readonly proxyAdminPort: number | undefined;
  readonly proxyHeaders: ProxyHeaders;
  readonly connectionSettings: ConnectionSettings;
  readonly bootstrap: BootstrapSettings;
}

/** What only a proxy's bootstrap and its process are made of: `meshwright bootstrap` and `proxy` read it, and nothing of it is sent to a proxy that runs. */
export interface BootstrapSettings {
  readonly serviceCluster: string | undefined;
  readonly tracingServiceName: "APP_LABEL_AND_NAMESPACE" | "CANONICAL_NAME_ONLY" | "CANONICAL_NAME_AND_NAMESPACE" | undefined;
  /** `IP:PORT` */
  readonly statsdUdpAddress: string | undefined;
  /** `HOST:PORT` */
  readonly envoyMetricsService: string | undefined;
  /** How it is connected to; undefined: in plain text. */
  readonly envoyMetricsServiceTls: ClientTls | undefined;
  readonly envoyMetricsServiceKeepalive: ConnectionPool["tcpKeepalive"];
  readonly interceptionMode: "REDIRECT" | "TPROXY" | "NONE" | undefined;
  readonly runtimeValues: Readonly<Record<string, string>>;
  readonly extraStatTags: readonly string[];
  readonly meshId: string | undefined;
  readonly proxyStatsMatcher:
    | {
        readonly inclusionPrefixes: readonly string[];
        readonly inclusionSuffixes: readonly string[];
        readonly inclusionRegexps: readonly string[];
      }
    | undefined;
  readonly fileFlushInterval: number | undefined;
  readonly fileFlushMinSizeKb: number | undefined;
  readonly statsCompression: boolean;
  readonly globalDownstreamConnectionLimit: number | undefined;
}

/** What one proxy's node says of its listeners; field by field in the place of what the mesh says. */
export interface OwnSettings extends Partial<Pick<ProxySettings, "tracing" | "tracingSampling">> {
  readonly gatewayTopology?: Partial<ProxySettings["gatewayTopology"]>;
  readonly proxyHeaders?: Partial<ProxyHeaders>;
  readonly connectionSettings?: Partial<ConnectionSettings>;
}

/** What becomes of `x-forwarded-client-cert`, in the words of Envoy's `ForwardClientCertDetails`. */
export type ForwardClientCertDetails = "SANITIZE" | "FORWARD_ONLY" | "APPEND_FORWARD" | "SANITIZE_SET" | "ALWAYS_FORWARD_ONLY";

/** Headers that proxies add by themselves. */
export interface ProxyHeaders {
  /** Of sidecars' inbound side; gateways have `gatewayTopology`. */
  readonly forwardedClientCert: ForwardClientCertDetails | undefined;
  readonly setCurrentClientCertDetails: {
    readonly subject: boolean;
    readonly cert: boolean;
    readonly chain: boolean;
    readonly dns: boolean;
    readonly uri: boolean;
  };
  /** `x-request-id` is made where the client sends none. */
  readonly requestId: boolean;
  /** `server`: undefined passes on what the service says. */
  readonly server: string | undefined;
  /** `x-envoy-attempt-count` */
  readonly attemptCount: boolean;
  /** `x-envoy-upstream-service-time` and the like. */
  readonly envoyDebugHeaders: boolean;
  readonly preserveHttp1HeaderCase: boolean;
  /** `x-forwarded-host`: where a route rewrites the authority, what it was. */
  readonly xForwardedHost: boolean;
  readonly xForwardedPort: boolean;
}

/** Limits of listeners and of HTTP connections; times are milliseconds, 0 disables; undefined: Envoy's default, or Istio's for the proxy's profile. */
export interface ConnectionSettings {
  readonly profile: "SIDECAR" | "EDGE" | undefined;
  readonly listenerPerConnectionBufferLimitBytes: number | undefined;
  readonly clusterPerConnectionBufferLimitBytes: number | undefined;
  readonly httpIdleTimeout: number | undefined;
  readonly httpMaxConnectionDuration: number | undefined;
  readonly httpDrainTimeout: number | undefined;
  readonly httpRequestTimeout: number | undefined;
  readonly httpRequestHeadersTimeout: number | undefined;
  readonly httpStreamIdleTimeout: number | undefined;
  readonly httpMaxStreamDuration: number | undefined;
  readonly httpMaxConcurrentStreams: number | undefined;
  readonly http2InitialStreamWindowSize: number | undefined;
  readonly http2InitialConnectionWindowSize: number | undefined;
  readonly httpHeadersWithUnderscoresAction: "ALLOW" | "REJECT_REQUEST" | "DROP_HEADER" | undefined;
  readonly httpMergeSlashes: boolean | undefined;
  readonly httpPathWithEscapedSlashesAction:
    "KEEP_UNCHANGED" | "REJECT_REQUEST" | "UNESCAPE_AND_REDIRECT" | "UNESCAPE_AND_FORWARD" | undefined;
  readonly listenerConnectionLimit: number | undefined;
}

/** ProxyConfig: settings for the selected proxies of its namespace. */
export interface ProxySettingsOverride {
  readonly name: string;
  readonly namespace: string;
  readonly selector: Labels;
  readonly settings: Partial<ProxySettings>;
  readonly object: MeshObject;
}

import type { ConnectionSettings, MeshSettings, ProxyHeaders, ProxySettings } from "../../model/index.ts";

/** Istio's `DefaultProxyConfig`; undefined is Envoy's own default. */
export const defaultConnectionSettings: ConnectionSettings = {
  profile: undefined,
  listenerPerConnectionBufferLimitBytes: undefined,
  clusterPerConnectionBufferLimitBytes: undefined,
  httpIdleTimeout: undefined,
  httpMaxConnectionDuration: undefined,
  httpDrainTimeout: undefined,
  httpRequestTimeout: undefined,
  httpRequestHeadersTimeout: undefined,
  httpStreamIdleTimeout: undefined,
  httpMaxStreamDuration: undefined,
  httpMaxConcurrentStreams: undefined,
  http2InitialStreamWindowSize: undefined,
  http2InitialConnectionWindowSize: undefined,
  httpHeadersWithUnderscoresAction: undefined,
  httpMergeSlashes: undefined,
  httpPathWithEscapedSlashesAction: undefined,
  listenerConnectionLimit: undefined,
};

/** Istio's `GetProxyHeaders` without any set. */
export const defaultProxyHeaders: ProxyHeaders = {
  forwardedClientCert: undefined,
  setCurrentClientCertDetails: { subject: true, cert: false, chain: false, dns: true, uri: true },
  requestId: true,
  server: "istio-envoy",
  attemptCount: true,
  envoyDebugHeaders: true,
  preserveHttp1HeaderCase: false,
  xForwardedHost: false,
  xForwardedPort: false,
};

export const defaultProxySettings: ProxySettings = {
  concurrency: undefined,
  environmentVariables: {},
  drainDuration: 45_000,
  terminationDrainDuration: 5_000,
  tracingSampling: undefined,
  tracing: undefined,
  gatewayTopology: { numTrustedProxies: 0, forwardClientCertDetails: undefined, proxyProtocol: false },
  statusPort: 15_020,
  proxyAdminPort: 15_000,
  proxyHeaders: defaultProxyHeaders,
  connectionSettings: defaultConnectionSettings,
};

/** Istio's `DefaultMeshConfig`: what holds where nobody says anything. */
export const defaultMeshSettings: MeshSettings = {
  rootNamespace: "istio-system",
  trustDomain: "cluster.local",
  trustDomainAliases: [],
  domainSuffix: "cluster.local",
  outboundTrafficPolicy: { mode: "ALLOW_ANY", egressProxy: undefined },
  inboundTrafficPolicy: "PASSTHROUGH",
  proxyListenPort: 15_001,
  proxyInboundListenPort: 15_006,
  accessLogFile: "",
  accessLogEncoding: "TEXT",
  accessLogFormat: "",
  disableEnvoyListenerLog: false,
  pathNormalization: "BASE",
  connectTimeout: 10_000,
  tcpKeepalive: undefined,
  h2UpgradePolicy: "DO_NOT_UPGRADE",
  localityLbSetting: { enabled: true, distribute: [], failover: [], failoverPriority: [] },
  defaultServiceExportTo: ["*"],
  enableAutoMtls: true,
  meshMtls: { minProtocolVersion: "TLSV1_2", cipherSuites: [] },
  defaultVirtualServiceExportTo: ["*"],
  defaultDestinationRuleExportTo: ["*"],
  defaultHttpRetryPolicy: undefined,
  protocolDetectionTimeout: 0,
  dnsRefreshRate: 60_000,
  verifyCertificateAtClient: true,
  // Istio's third, `stackdriver`, speaks to a tracer that Envoy no longer has.
  extensionProviders: [
    { name: "prometheus", type: "prometheus", options: {} },
    { name: "envoy", type: "envoyFileAccessLog", options: { path: "/dev/stdout" } },
  ],
  defaultProviders: { tracing: [], metrics: [], accessLogging: [] },
  enableTracing: true,
  tlsDefaults: { minProtocolVersion: undefined, ecdhCurves: [], cipherSuites: [] },
  defaultConfig: defaultProxySettings,
  object: undefined,
};

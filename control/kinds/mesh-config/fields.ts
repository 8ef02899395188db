import {
  boolean,
  choice,
  defaulted,
  duration,
  integer,
  list,
  object,
  optional,
  portNumber,
  refused,
  text,
} from "../../model/fields/index.ts";
import {
  connectionPool,
  ECDH_CURVES,
  exportTo,
  localityLoadBalancing,
  outlierDetection,
  tcpKeepalive,
  wholeMilliseconds,
  wrongDnsLabel,
} from "../../model/parts/index.ts";
import { provider } from "./provider-fields.ts";
import { proxyFields, ROOTS } from "./proxy-fields.ts";

const KUBERNETES =
  "it selects Namespaces of Kubernetes by their labels, which are not read here; give `meshwright serve` the directories of those that count";
const AUTHORITY = "what signs certificates is told to `meshwright serve` (--ca), where no object of the mesh can change it";
const INGRESS = "Kubernetes' Ingress is not read; write a Gateway and a VirtualService";

const trustDomain = text({
  shape: "trust domain",
  check: (value) =>
    value
      .replace(/\.$/, "")
      .split(".")
      .some((label) => wrongDnsLabel(label) !== undefined)
      ? `${JSON.stringify(value)} is no trust domain; write it like a domain name`
      : undefined,
});

const providerNames = (about: string) => defaulted(list(text()), [], about);

const retries = object({
  attempts: defaulted(integer({ most: 2_147_483_647 }), 0, "Retries at most; 0: none."),
  perTryTimeout: optional(wholeMilliseconds, "Time for one attempt. Default: that of the request."),
  retryOn: optional(text(), "When. Default: Istio's conditions."),
  retryRemoteLocalities: optional(boolean, "Whether other localities are tried."),
  retryIgnorePreviousHosts: optional(boolean, "Whether hosts that failed are not tried again. Default: true."),
  backoff: optional(wholeMilliseconds, "Time before the first retry. Default: 25ms."),
});

const tlsDefaults = object({
  minProtocolVersion: optional(choice("TLS_AUTO", "TLSV1_2", "TLSV1_3"), "Lowest version. Default: 1.2."),
  ecdhCurves: defaulted(
    list(
      text({
        check: (value) => (ECDH_CURVES.has(value) ? undefined : `${JSON.stringify(value)} is none of ${[...ECDH_CURVES].join(", ")}`),
      }),
    ),
    [],
    "Curves for key exchange. Default: Envoy's.",
  ),
  cipherSuites: defaulted(list(text()), [], "Ciphers for TLS up to 1.2. Default: Envoy's."),
});

const meshMtls = object({
  minProtocolVersion: optional(choice("TLS_AUTO", "TLSV1_2", "TLSV1_3"), "Lowest version. Default: 1.2."),
  ecdhCurves: refused("Istio takes no curves for the mesh's own TLS either (ValidateMeshTLSConfig); Envoy's defaults are good ones"),
  cipherSuites: defaulted(list(text()), [], "Ciphers for TLS 1.2. Default: Istio's."),
});

/** `%SERVICE%` and others stand for what a cluster is of. */
const statName = (whose: string) =>
  defaulted(
    text({ empty: true }),
    "",
    `Name in statistics ${whose}: %SERVICE%, %SERVICE_NAME%, %SERVICE_FQDN%, %SERVICE_PORT%, %SERVICE_PORT_NAME%, %TARGET_PORT%. Default: the cluster's.`,
  );

/** `istio.mesh.v1alpha1.MeshConfig`. */
export const fields = object({
  proxyListenPort: defaulted(portNumber, 15_001, "Where redirected connections of workloads arrive."),
  proxyInboundListenPort: defaulted(portNumber, 15_006, "Where redirected connections to workloads arrive."),
  proxyHttpPort: defaulted(
    integer({ most: 65_535 }),
    0,
    "Where sidecars are HTTP proxies, on 127.0.0.1, for programs that name the port with the host. Default: nowhere.",
  ),
  connectTimeout: defaulted(duration({ least: 1, most: 30_000 }), 10_000, "Time for a connection to come about."),
  hboneIdleTimeout: refused("it is for ambient mode, which this mesh does not have"),
  protocolDetectionTimeout: defaulted(duration(), 0, "Time to find out what is spoken, after which it is taken for bytes; 0: no limit."),
  tcpKeepalive: optional(tcpKeepalive, "Keep-alive of TCP to services. Default: none."),
  ingressClass: refused(INGRESS),
  ingressService: refused(INGRESS),
  ingressControllerMode: refused(INGRESS),
  ingressSelector: refused(INGRESS),
  enableTracing: defaulted(boolean, true, "Whether requests are traced where a tracer is known."),
  accessLogFile: defaulted(text({ empty: true }), "", "File that access is logged to, such as /dev/stdout. Default: none."),
  accessLogFormat: defaulted(text({ empty: true }), "", "What is logged, in Envoy's operators. Default: Istio's."),
  accessLogEncoding: defaulted(choice("TEXT", "JSON"), "TEXT", "Form of a line."),
  enableEnvoyAccessLogService: defaulted(
    boolean,
    false,
    "Whether logs are sent to defaultConfig.envoyAccessLogService, where no Telemetry and no defaultProviders say otherwise.",
  ),
  disableEnvoyListenerLog: defaulted(boolean, false, "Whether connections that nothing takes are left out of the log."),
  defaultConfig: optional(proxyFields, "Settings of proxies."),
  outboundTrafficPolicy: optional(
    object({
      mode: defaulted(
        choice("REGISTRY_ONLY", "ALLOW_ANY", "ALLOW_ANY_DYNAMIC_DNS"),
        "REGISTRY_ONLY",
        "ALLOW_ANY lets connections to unknown hosts go where they want.",
      ),
      tls: refused("it is for ALLOW_ANY_DYNAMIC_DNS, which this mesh does not have"),
    }),
    "What becomes of connections to hosts that the mesh does not know. Default: ALLOW_ANY.",
  ),
  inboundTrafficPolicy: optional(
    object({ mode: defaulted(choice("PASSTHROUGH", "LOCALHOST"), "PASSTHROUGH", "LOCALHOST connects to workloads by 127.0.0.1.") }),
    "How sidecars connect to their workload.",
  ),
  configSources: refused("objects come from the directories that `meshwright serve` is given"),
  enableAutoMtls: defaulted(
    boolean,
    true,
    "Whether clients speak mTLS to workloads that take it, where no DestinationRule says otherwise.",
  ),
  trustDomain: defaulted(trustDomain, "cluster.local", "Of the mesh's identities."),
  trustDomainAliases: defaulted(list(trustDomain), [], "Other names of it."),
  caCertificates: refused(ROOTS),
  defaultServiceExportTo: defaulted(exportTo, ["*"], "Namespaces that see services that do not say."),
  defaultVirtualServiceExportTo: defaulted(exportTo, ["*"], "Namespaces that see VirtualServices that do not say."),
  defaultDestinationRuleExportTo: defaulted(exportTo, ["*"], "Namespaces that see DestinationRules that do not say."),
  rootNamespace: defaulted(text({ shape: "namespace", check: wrongDnsLabel }), "istio-system", "Namespace whose policies hold for all."),
  localityLbSetting: optional(localityLoadBalancing, "How traffic keeps to localities. Default: enabled."),
  zoneAwareLbSetting: refused(
    "Envoy's zone aware routing needs a cluster of the proxies of the same service, which this mesh does not make; localityLbSetting has failover and distribution",
  ),
  dnsRefreshRate: defaulted(duration({ least: 1_000 }), 60_000, "Time until DNS is asked again after it failed."),
  h2UpgradePolicy: defaulted(choice("DO_NOT_UPGRADE", "UPGRADE"), "DO_NOT_UPGRADE", "Whether HTTP/1.1 is sent on as HTTP/2."),
  inboundClusterStatName: statName("of clusters of a proxy's own workload"),
  outboundClusterStatName: statName("of clusters of services, with %SUBSET_NAME% too"),
  certificates: refused("Istio makes no certificates for names of DNS any more either; put yours into Secrets"),
  serviceSettings: refused("there is one cluster, so every service is local to it"),
  serviceScopeConfigs: refused("it is for ambient mode, which this mesh does not have"),
  enablePrometheusMerge: optional(boolean, "Without effect: Istio's agent merges; scrape Envoy's /stats/prometheus."),
  verifyCertificateAtClient: defaulted(
    boolean,
    true,
    "Whether servers' certificates are verified by the system's authorities where no others are named.",
  ),
  ca: refused(AUTHORITY),
  extensionProviders: defaulted(list(provider), [], "What filters, traces and logs speak to outside of the mesh."),
  defaultProviders: optional(
    object({
      tracing: providerNames("Of traces."),
      metrics: providerNames("Of metrics."),
      accessLogging: providerNames("Of access logs."),
    }),
    "Providers that count where no Telemetry says otherwise.",
  ),
  discoverySelectors: refused(KUBERNETES),
  pathNormalization: optional(
    object({
      normalization: defaulted(
        choice("DEFAULT", "NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"),
        "DEFAULT",
        "BASE resolves /../ and \\, MERGE_SLASHES // too, DECODE_AND_MERGE_SLASHES %2F and %5C too. DEFAULT is BASE.",
      ),
    }),
    "What is done to paths before anything is matched.",
  ),
  defaultHttpRetryPolicy: optional(retries, "Retries of routes that do not say. Default: 2 attempts."),
  meshMTLS: optional(meshMtls, "TLS between workloads."),
  tlsDefaults: optional(tlsDefaults, "TLS of gateways and to services, where they do not say."),
  defaultTrafficPolicy: optional(
    object({
      connectionPool: optional(connectionPool, "How many connections and requests, and how long."),
      outlierDetection: optional(outlierDetection, "When an endpoint is taken out."),
    }),
    "What holds for connections to services, each of the two where no DestinationRule says it. Default: Istio's.",
  ),
  serviceEntryVisibility: refused(
    "its policies select Namespaces of Kubernetes by their labels, which are not read here; write exportTo in each ServiceEntry, or defaultServiceExportTo",
  ),
});

export type MeshConfigSpec = NonNullable<ReturnType<typeof fields.read>>;

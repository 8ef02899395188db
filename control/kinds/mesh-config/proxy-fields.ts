import { isIP } from "node:net";
import {
  boolean,
  choice,
  decimal,
  defaulted,
  duration,
  integer,
  list,
  map,
  object,
  optional,
  portNumber,
  refused,
  required,
  text,
} from "../../model/fields/index.ts";
import { clientTls, tcpKeepalive } from "../../model/parts/index.ts";

/** Of fields that name roots to trust beside the authority's. */
export const ROOTS =
  "roots to trust stand in root-cert.pem of the directory that `meshwright serve` is given (--ca), where no object of the mesh can add to them";

const INT32 = 2_147_483_647;
const disabled = object({ disabled: optional(boolean, "Default: false.") });
const enabled = object({ enabled: optional(boolean, "Default: false.") });
const AGENT = "it is for Istio's agent, which is no part of this mesh";

const SERVICE_RULES = "it is the cluster of a service of the mesh, and a DestinationRule says how that is connected to";

const forwardClientCertDetails = choice("UNDEFINED", "SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY");

const hostAndPort = text({
  shape: "HOST:PORT",
  check: (value) =>
    addressOf(value) !== undefined || /^[a-z0-9]([a-z0-9.-]*):([1-9]\d{0,4})$/i.test(value)
      ? undefined
      : `${JSON.stringify(value)} is no HOST:PORT`,
});

/** Of a service of the mesh, by which its clusters are found. */
const tracer = (what: string) =>
  optional(
    object({ address: required(hostAndPort, "HOST:PORT of a service of the mesh.") }),
    `${what}, where no Telemetry and no defaultProviders name another tracer.`,
  );

export const tracing = object({
  zipkin: tracer("Spans go to Zipkin"),
  lightstep: refused("Envoy has no tracer of LightStep any more; use an extensionProvider of type opentelemetry"),
  datadog: tracer("Spans go to Datadog's agent"),
  stackdriver: refused("Envoy has no tracer of OpenCensus any more; use an extensionProvider of type opentelemetry"),
  openCensusAgent: refused("Envoy has no tracer of OpenCensus any more; use an extensionProvider of type opentelemetry"),
  customTags: optional(
    map(
      object(
        {
          literal: optional(object({ value: optional(text({ empty: true }), "The value.") }), "Always the same."),
          environment: optional(
            object({ name: optional(text(), "Name."), defaultValue: optional(text({ empty: true }), "Where there is none.") }),
            "An environment variable of the proxy.",
          ),
          header: optional(
            object({ name: optional(text(), "Name."), defaultValue: optional(text({ empty: true }), "Where there is none.") }),
            "A header of the request.",
          ),
        },
        { one: [["literal", "environment", "header"]] },
      ),
    ),
    "Tags of spans.",
  ),
  maxPathTagLength: optional(integer(), "Longest path in a tag. Default: 256."),
  sampling: optional(decimal({ least: 0, most: 100 }), "Percentage of requests that are traced. Default: 1."),
  tlsSettings: refused(SERVICE_RULES),
  enableIstioTags: optional(
    boolean,
    "Whether spans have Istio's tags: the service, its revision, namespace, mesh and cluster. Default: false, as they make the listeners of each workload its own.",
  ),
});

export const proxyHeaders = object({
  forwardedClientCert: optional(
    forwardClientCertDetails,
    "x-forwarded-client-cert on the inbound side of sidecars. Default: APPEND_FORWARD.",
  ),
  setCurrentClientCertDetails: optional(
    object({
      subject: optional(boolean, "Default: true."),
      cert: optional(boolean, "Default: false."),
      chain: optional(boolean, "Default: false."),
      dns: optional(boolean, "Default: true."),
      uri: optional(boolean, "Default: true."),
    }),
    "What it says of the client's certificate.",
  ),
  requestId: optional(disabled, "x-request-id."),
  server: optional(
    object({
      disabled: optional(boolean, "Passes on what the service says. Default: false."),
      value: optional(text(), "Default: istio-envoy."),
    }),
    "Response header server.",
  ),
  attemptCount: optional(disabled, "x-envoy-attempt-count."),
  envoyDebugHeaders: optional(disabled, "x-envoy-upstream-service-time and the like."),
  metadataExchangeHeaders: refused(
    "x-envoy-peer-metadata headers go to services of the mesh alone, and only where a proxy counts metrics; there is nothing to limit",
  ),
  preserveHttp1HeaderCase: optional(boolean, "Names of HTTP/1.1 headers keep their case. Default: false."),
  xForwardedHost: optional(enabled, "x-forwarded-host."),
  xForwardedPort: optional(enabled, "x-forwarded-port."),
});

/** Envoy looks up no name there. */
const udpAddress = text({
  shape: "IP:PORT",
  check: (value) => (addressOf(value) !== undefined ? undefined : `${JSON.stringify(value)} is no IP:PORT; Envoy takes no name there`),
});

function addressOf(value: string): string | undefined {
  const [, six, four, port] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(value) ?? [];
  const isAddress = six === undefined ? isIP(four ?? "") === 4 : isIP(six) === 6;
  return isAddress && Number(port) > 0 && Number(port) <= 65_535 ? value : undefined;
}

const window = integer({ least: 65_535, most: INT32 });
export const connectionSettings = object({
  profile: optional(choice("SIDECAR", "EDGE"), "EDGE fills in what Envoy advises for proxies that strangers reach; on gateways."),
  listenerPerConnectionBufferLimitBytes: optional(
    integer({ most: INT32 }),
    "Bytes that a connection of a client may hold back. Default: Envoy's, 1 MiB.",
  ),
  clusterPerConnectionBufferLimitBytes: optional(
    integer({ most: INT32 }),
    "Bytes that a connection to a service may hold back. Default: Envoy's, 1 MiB.",
  ),
  httpIdleTimeout: optional(duration(), "Time without a request until a client's connection is closed. Default: 1h."),
  httpMaxConnectionDuration: optional(duration(), "Longest life of a client's connection. Default: no limit."),
  httpDrainTimeout: optional(duration(), "Time between the two GOAWAYs. Default: 5s."),
  httpRequestTimeout: optional(duration(), "Time for a whole request to come in. Default: no limit."),
  httpRequestHeadersTimeout: optional(duration(), "Time for the headers to come in. Default: no limit."),
  httpStreamIdleTimeout: optional(duration(), "Time that a stream may stand still. Default: 1h."),
  httpMaxStreamDuration: optional(duration(), "Longest life of a stream. Default: no limit."),
  httpMaxConcurrentStreams: optional(integer({ least: 1, most: INT32 }), "Streams of an HTTP/2 connection. Default: 1024."),
  http2InitialStreamWindowSize: optional(window, "Bytes. Default: Envoy's, 16 MiB."),
  http2InitialConnectionWindowSize: optional(window, "Bytes. Default: Envoy's, 24 MiB."),
  httpHeadersWithUnderscoresAction: optional(
    choice(
      "HEADERS_WITH_UNDERSCORES_UNSPECIFIED",
      "HEADERS_WITH_UNDERSCORES_ALLOW",
      "HEADERS_WITH_UNDERSCORES_REJECT_REQUEST",
      "HEADERS_WITH_UNDERSCORES_DROP_HEADER",
    ),
    "Headers whose name has an underscore. Default: allowed.",
  ),
  httpMergeSlashes: optional(boolean, "// is / before anything is matched. Default: as pathNormalization."),
  httpPathWithEscapedSlashesAction: optional(
    choice("PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED", "KEEP_UNCHANGED", "REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD"),
    "%2F and %5C in paths. Default: as pathNormalization.",
  ),
  listenerConnectionLimit: refused(
    "Envoy takes it from its runtime, by the name of each listener, which a bootstrap does not know, and Istio does not carry it out either; globalDownstreamConnectionLimit is for the whole proxy",
  ),
  globalDownstreamConnectionLimit: optional(
    integer({ least: 1, most: INT32 }),
    "Connections of all clients together; more are closed. Default: 50000.",
  ),
});

export const gatewayTopology = object({
  numTrustedProxies: defaulted(integer(), 0, "Proxies in front of the gateway whose x-forwarded-for is believed."),
  forwardClientCertDetails: optional(forwardClientCertDetails, "x-forwarded-client-cert. Default: SANITIZE_SET."),
  proxyProtocol: optional(object({}), "Connections begin with a PROXY header."),
});

const NO_SECRET = "proxies get Secrets when they run, and this stands in their bootstrap; name files";
/** Read as any TLS to a service; what is below refuses more. */
const remoteTls = { ...clientTls, members: { ...clientTls.members, credentialName: refused(NO_SECRET) } };

/** `istio.mesh.v1alpha1.RemoteService` of a bootstrap, which knows no cluster, rule or Secret of the mesh. */
export const remoteService = object(
  {
    address: optional(hostAndPort, "HOST:PORT of Envoy's MetricsService."),
    tlsSettings: optional(remoteTls, "TLS to it. ISTIO_MUTUAL needs a proxy that has a certificate of the mesh. Default: none."),
    tcpKeepalive: optional(tcpKeepalive, "Keep-alive of TCP to it. Default: none."),
  },
  {
    check({ tlsSettings: tls }, context) {
      const at = context.at("tlsSettings");
      if (tls?.credentialName !== undefined) at.at("credentialName").wrong(NO_SECRET);
      if (tls?.mode === "MUTUAL" && (tls.clientCertificate === undefined || tls.privateKey === undefined))
        at.wrong("MUTUAL shows a certificate: write clientCertificate and privateKey");
      if (tls?.caCrl !== undefined && tls.caCertificates === undefined)
        at.at("caCrl").wrong("revoked certificates are those of caCertificates, which are missing");
    },
  },
);

/** `istio.mesh.v1alpha1.ProxyConfig`: MeshConfig's `defaultConfig`. */
export const proxyFields = object({
  configPath: refused(AGENT),
  binaryPath: refused("Envoy is ENVOY_BIN, or an envoy on the PATH of `meshwright proxy`"),
  serviceCluster: optional(text(), "Name of the proxy's service in traces and logs. Default: by tracingServiceName."),
  tracingServiceName: optional(
    choice("APP_LABEL_AND_NAMESPACE", "CANONICAL_NAME_ONLY", "CANONICAL_NAME_AND_NAMESPACE"),
    "How that name is made. Default: APP_LABEL_AND_NAMESPACE.",
  ),
  drainDuration: defaulted(duration({ least: 1_000 }), 45_000, "Time for connections to end whose listener is no more, or another."),
  discoveryAddress: optional(text(), "Without effect: the bootstrap of a proxy says where its control service is."),
  discoveryRefreshDelay: refused("it has had no effect since Istio sends changes by itself"),
  zipkinAddress: refused("it was replaced by tracing.zipkin.address"),
  statsdUdpAddress: optional(udpAddress, "Where statistics are sent by UDP, in the format of statsd."),
  envoyMetricsServiceAddress: refused("it was replaced by envoyMetricsService.address"),
  proxyAdminPort: optional(portNumber, "Port of Envoy's admin interface. Default: 15000."),
  availabilityZone: refused("localities come with the proxy's node"),
  controlPlaneAuthPolicy: refused("TLS to the control service is an option of `meshwright proxy` and `bootstrap`: --control-ca"),
  customConfigFile: refused(AGENT),
  statNameLength: refused("Envoy has no such limit any more"),
  concurrency: optional(
    integer({ most: INT32 }),
    "Worker threads of Envoy; 0: as many as processors. Default: 2 of a sidecar, 0 of a gateway.",
  ),
  proxyBootstrapTemplatePath: refused(AGENT),
  interceptionMode: optional(choice("REDIRECT", "TPROXY", "NONE"), "How traffic is captured. Default: REDIRECT."),
  tracing: optional(tracing, "Traces, where no Telemetry and no provider says otherwise."),
  sds: refused("it has had no effect since Istio 1.6"),
  envoyAccessLogService: optional(
    object({
      address: optional(hostAndPort, "HOST:PORT of a service of the mesh."),
      tlsSettings: refused(SERVICE_RULES),
      tcpKeepalive: refused(SERVICE_RULES),
    }),
    "Where logs are sent by gRPC, with enableEnvoyAccessLogService.",
  ),
  envoyMetricsService: optional(remoteService, "Where statistics are sent by gRPC."),
  proxyMetadata: defaulted(map(text({ empty: true })), {}, "Environment of the proxy."),
  runtimeValues: defaulted(map(text({ empty: true })), {}, "Envoy's runtime settings; an empty one takes a default away."),
  statusPort: optional(portNumber, "Port of the proxy's health, /healthz/ready. Default: 15021."),
  extraStatTags: defaulted(list(text()), [], "Further labels of statistics."),
  gatewayTopology: optional(gatewayTopology, "What stands in front of gateways."),
  terminationDrainDuration: defaulted(duration({ least: 1 }), 5_000, "Time for connections to end when the proxy is told to."),
  meshId: optional(text(), "Name of the mesh. Default: cluster.local."),
  readinessProbe: refused("it is for virtual machines, which Istio's agent probes"),
  proxyStatsMatcher: optional(
    object({
      inclusionPrefixes: defaulted(list(text()), [], "What their names begin with."),
      inclusionSuffixes: defaulted(list(text()), [], "What their names end with."),
      inclusionRegexps: defaulted(list(text()), [], "What their whole names look like (RE2)."),
    }),
    "Statistics that are kept beside Istio's.",
  ),
  holdApplicationUntilProxyStarts: refused("nobody starts containers here"),
  caCertificatesPem: refused(ROOTS),
  image: refused("nobody starts containers here"),
  privateKeyProvider: refused(
    "Envoy's releases have no providers for CryptoMB and QAT, only its contrib builds on special processors, and a proxy does not tell whether it is one",
  ),
  proxyHeaders: optional(proxyHeaders, "Headers that proxies add by themselves."),
  fileFlushInterval: optional(duration({ least: 1 }), "Time after which access logs are written to their files. Default: 10s."),
  fileFlushMinSizeKb: optional(
    integer({ least: 1, most: 1_048_576 }),
    "KiB of an access log above which they are written at once. Default: 64.",
  ),
  statsCompression: defaulted(boolean, true, "/stats/prometheus is compressed for who takes that."),
  connectionSettings: optional(connectionSettings, "Limits of listeners and of HTTP connections."),
});

export type ProxyFields = NonNullable<ReturnType<typeof proxyFields.read>>;

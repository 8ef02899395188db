import type { ClientTls, ConnectionSettings, ForwardClientCertDetails, ProxyHeaders, ProxySettings } from "../../model/index.ts";
import { defaultConnectionSettings, defaultProxyHeaders, defaultProxySettings } from "./defaults.ts";
import type { ProxyFields } from "./proxy-fields.ts";

/** `defaultConfig` with Istio's defaults filled in. */
export function proxySettings(fields: ProxyFields | undefined): ProxySettings {
  if (fields === undefined) return defaultProxySettings;
  const { gatewayTopology, tracing } = fields;
  return {
    concurrency: fields.concurrency,
    environmentVariables: fields.proxyMetadata,
    drainDuration: fields.drainDuration,
    terminationDrainDuration: fields.terminationDrainDuration,
    tracingSampling: tracing?.sampling,
    tracing,
    accessLogService: fields.envoyAccessLogService?.address,
    gatewayTopology: topology(gatewayTopology),
    statusPort: fields.statusPort,
    proxyAdminPort: fields.proxyAdminPort,
    proxyHeaders: headers(fields.proxyHeaders),
    connectionSettings: connections(fields.connectionSettings),
    bootstrap: {
      serviceCluster: fields.serviceCluster,
      tracingServiceName: fields.tracingServiceName,
      statsdUdpAddress: fields.statsdUdpAddress,
      envoyMetricsService: fields.envoyMetricsService?.address,
      envoyMetricsServiceTls: tlsOf(fields.envoyMetricsService?.tlsSettings),
      envoyMetricsServiceKeepalive: fields.envoyMetricsService?.tcpKeepalive,
      interceptionMode: fields.interceptionMode,
      runtimeValues: fields.runtimeValues,
      extraStatTags: fields.extraStatTags,
      meshId: fields.meshId,
      proxyStatsMatcher: fields.proxyStatsMatcher,
      fileFlushInterval: fields.fileFlushInterval,
      fileFlushMinSizeKb: fields.fileFlushMinSizeKb,
      statsCompression: fields.statsCompression,
      globalDownstreamConnectionLimit: fields.connectionSettings?.globalDownstreamConnectionLimit,
    },
  };
}

function tlsOf(fields: NonNullable<ProxyFields["envoyMetricsService"]>["tlsSettings"]): ClientTls | undefined {
  return fields === undefined || fields.mode === "DISABLE" ? undefined : { ...fields, credentialName: undefined };
}

export function topology(fields: ProxyFields["gatewayTopology"]): ProxySettings["gatewayTopology"] {
  return {
    numTrustedProxies: fields?.numTrustedProxies ?? 0,
    forwardClientCertDetails: certificateDetails(fields?.forwardClientCertDetails),
    proxyProtocol: fields?.proxyProtocol !== undefined,
  };
}

export function headers(fields: ProxyFields["proxyHeaders"]): ProxyHeaders {
  if (fields === undefined) return defaultProxyHeaders;
  const details = fields.setCurrentClientCertDetails;
  const { setCurrentClientCertDetails: byDefault } = defaultProxyHeaders;
  return {
    forwardedClientCert: certificateDetails(fields.forwardedClientCert),
    setCurrentClientCertDetails: {
      subject: details?.subject ?? byDefault.subject,
      cert: details?.cert ?? byDefault.cert,
      chain: details?.chain ?? byDefault.chain,
      dns: details?.dns ?? byDefault.dns,
      uri: details?.uri ?? byDefault.uri,
    },
    requestId: fields.requestId?.disabled !== true,
    server: fields.server?.disabled === true ? undefined : (fields.server?.value ?? defaultProxyHeaders.server),
    attemptCount: fields.attemptCount?.disabled !== true,
    envoyDebugHeaders: fields.envoyDebugHeaders?.disabled !== true,
    preserveHttp1HeaderCase: fields.preserveHttp1HeaderCase ?? false,
    xForwardedHost: fields.xForwardedHost?.enabled === true,
    xForwardedPort: fields.xForwardedPort?.enabled === true,
  };
}

export function connections(fields: ProxyFields["connectionSettings"]): ConnectionSettings {
  if (fields === undefined) return defaultConnectionSettings;
  const { globalDownstreamConnectionLimit: _, ...own } = fields;
  const { httpHeadersWithUnderscoresAction: underscores, httpPathWithEscapedSlashesAction: slashes } = own;
  return {
    ...own,
    httpHeadersWithUnderscoresAction:
      underscores === undefined || underscores === "HEADERS_WITH_UNDERSCORES_UNSPECIFIED" ? undefined : UNDERSCORES[underscores],
    httpPathWithEscapedSlashesAction: slashes === "PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED" ? undefined : slashes,
  };
}

const UNDERSCORES = {
  HEADERS_WITH_UNDERSCORES_ALLOW: "ALLOW",
  HEADERS_WITH_UNDERSCORES_REJECT_REQUEST: "REJECT_REQUEST",
  HEADERS_WITH_UNDERSCORES_DROP_HEADER: "DROP_HEADER",
} as const;

function certificateDetails(value: ForwardClientCertDetails | "UNDEFINED" | undefined): ForwardClientCertDetails | undefined {
  return value === "UNDEFINED" ? undefined : value;
}

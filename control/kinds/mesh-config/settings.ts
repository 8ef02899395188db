import type { ExtensionProvider, MeshObject, MeshSettings } from "../../model/index.ts";
import { defaultMeshSettings } from "./defaults.ts";
import { exportedTo, outlierDetectionOf } from "../../model/parts/index.ts";
import type { MeshConfigSpec } from "./fields.ts";
import { proxySettings } from "./proxy-settings.ts";

/** What holds for the mesh, as the object has it. */
export function settingsOf(object: MeshObject<MeshConfigSpec>): MeshSettings {
  const { spec } = object;
  const { pathNormalization, outboundTrafficPolicy, inboundTrafficPolicy, defaultHttpRetryPolicy, tlsDefaults, defaultProviders } = spec;
  const normalization = pathNormalization?.normalization ?? "DEFAULT";
  const minProtocolVersion = tlsDefaults?.minProtocolVersion;
  const mode = outboundTrafficPolicy?.mode ?? "ALLOW_ANY";
  return {
    ...defaultMeshSettings,
    rootNamespace: spec.rootNamespace,
    trustDomain: spec.trustDomain,
    trustDomainAliases: [...new Set(spec.trustDomainAliases)].sort(),
    enableAutoMtls: spec.enableAutoMtls,
    meshMtls: {
      minProtocolVersion: spec.meshMTLS?.minProtocolVersion === "TLSV1_3" ? "TLSV1_3" : "TLSV1_2",
      cipherSuites: spec.meshMTLS?.cipherSuites ?? [],
    },
    outboundTrafficPolicy: { mode: mode === "REGISTRY_ONLY" ? mode : "ALLOW_ANY", egressProxy: undefined },
    inboundTrafficPolicy: inboundTrafficPolicy?.mode ?? "PASSTHROUGH",
    proxyListenPort: spec.proxyListenPort,
    proxyInboundListenPort: spec.proxyInboundListenPort,
    accessLogFile: spec.accessLogFile,
    accessLogEncoding: spec.accessLogEncoding,
    accessLogFormat: spec.accessLogFormat,
    enableEnvoyAccessLogService: spec.enableEnvoyAccessLogService,
    disableEnvoyListenerLog: spec.disableEnvoyListenerLog,
    pathNormalization: normalization === "DEFAULT" ? "BASE" : normalization,
    proxyHttpPort: spec.proxyHttpPort,
    inboundClusterStatName: spec.inboundClusterStatName,
    outboundClusterStatName: spec.outboundClusterStatName,
    connectTimeout: spec.connectTimeout,
    tcpKeepalive: spec.tcpKeepalive,
    h2UpgradePolicy: spec.h2UpgradePolicy,
    localityLbSetting: spec.localityLbSetting ?? defaultMeshSettings.localityLbSetting,
    defaultTrafficPolicy: defaultPolicy(spec.defaultTrafficPolicy),
    defaultServiceExportTo: exportedTo(spec.defaultServiceExportTo, ["*"]),
    defaultVirtualServiceExportTo: exportedTo(spec.defaultVirtualServiceExportTo, ["*"]),
    defaultDestinationRuleExportTo: exportedTo(spec.defaultDestinationRuleExportTo, ["*"]),
    defaultHttpRetryPolicy:
      defaultHttpRetryPolicy === undefined
        ? undefined
        : {
            attempts: defaultHttpRetryPolicy.attempts,
            perTryTimeout: defaultHttpRetryPolicy.perTryTimeout,
            backoff: defaultHttpRetryPolicy.backoff,
            retryOn: defaultHttpRetryPolicy.retryOn,
            retryRemoteLocalities: defaultHttpRetryPolicy.retryRemoteLocalities,
            ignorePreviousHosts: defaultHttpRetryPolicy.retryIgnorePreviousHosts,
          },
    protocolDetectionTimeout: spec.protocolDetectionTimeout,
    dnsRefreshRate: spec.dnsRefreshRate,
    verifyCertificateAtClient: spec.verifyCertificateAtClient,
    extensionProviders: withDefaults(spec.extensionProviders),
    defaultProviders: defaultProviders ?? defaultMeshSettings.defaultProviders,
    enableTracing: spec.enableTracing,
    tlsDefaults: {
      minProtocolVersion: minProtocolVersion === "TLS_AUTO" ? undefined : minProtocolVersion,
      ecdhCurves: tlsDefaults?.ecdhCurves ?? [],
      cipherSuites: tlsDefaults?.cipherSuites ?? [],
    },
    defaultConfig: proxySettings(spec.defaultConfig),
    object,
  };
}

function defaultPolicy(spec: MeshConfigSpec["defaultTrafficPolicy"]): MeshSettings["defaultTrafficPolicy"] {
  if (spec === undefined) return undefined;
  const { connectionPool, outlierDetection } = spec;
  return { connectionPool, outlierDetection: outlierDetection === undefined ? undefined : outlierDetectionOf(outlierDetection) };
}

/** Istio's own providers are there beside the user's, who may say something else of them. */
function withDefaults(providers: readonly ExtensionProvider[]): readonly ExtensionProvider[] {
  const names = new Set(providers.map(({ name }) => name));
  return [...defaultMeshSettings.extensionProviders.filter(({ name }) => !names.has(name)), ...providers];
}

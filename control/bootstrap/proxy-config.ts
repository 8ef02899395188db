import { nodeSettings, remoteService } from "../kinds/mesh-config/index.ts";
import { isIP } from "node:net";
import { parseDuration, ReadContext } from "../model/fields/index.ts";
import type { ProxySettings } from "../model/index.ts";
import { readAddress } from "./address.ts";
import type { RemoteConnection } from "./clusters.ts";

/** What of Istio's ProxyConfig (node metadata `PROXY_CONFIG`) has an effect on a bootstrap or on how Envoy is run, in the JSON of protocol buffers. */
export interface ProxyConfig {
  readonly serviceCluster?: string;
  readonly tracingServiceName?: "APP_LABEL_AND_NAMESPACE" | "CANONICAL_NAME_ONLY" | "CANONICAL_NAME_AND_NAMESPACE";
  readonly meshId?: string;
  readonly interceptionMode?: "REDIRECT" | "TPROXY" | "NONE";
  readonly concurrency?: number;
  readonly drainDuration?: string;
  readonly terminationDrainDuration?: string;
  readonly proxyAdminPort?: number;
  readonly statusPort?: number;
  /** Environment of Envoy; `ISTIO_META_NAME` is metadata `NAME` of its node. */
  readonly proxyMetadata?: Readonly<Record<string, string>>;
  readonly extraStatTags?: readonly string[];
  readonly proxyStatsMatcher?: {
    readonly inclusionPrefixes?: readonly string[];
    readonly inclusionSuffixes?: readonly string[];
    readonly inclusionRegexps?: readonly string[];
  };
  readonly statsdUdpAddress?: string;
  readonly envoyMetricsService?: { readonly address?: string; readonly tlsSettings?: unknown; readonly tcpKeepalive?: unknown };
  readonly statsCompression?: boolean;
  readonly runtimeValues?: Readonly<Record<string, string>>;
  readonly fileFlushInterval?: string;
  readonly fileFlushMinSizeKb?: number;
  readonly connectionSettings?: { readonly globalDownstreamConnectionLimit?: number };
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
const isTextMap: Check = (value) => isObject(value) && Object.values(value).every(isText);
const isWhole =
  (least: number, most: number): Check =>
  (value) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
const isOne =
  (names: readonly string[]): Check =>
  (value) =>
    typeof value === "string" && names.includes(value);
const isDuration: Check = (value) => typeof value === "string" && (parseDuration(value) ?? 0) > 0;
/** Envoy looks up no name there. */
const isUdpAddress: Check = (value) => {
  const read = typeof value === "string" ? readAddress(value) : "";
  return typeof read === "object" && "host" in read && isIP(read.host) !== 0;
};
const isMember =
  (name: string, check: Check): Check =>
  (value) =>
    isObject(value) && (value[name] === undefined || check(value[name]));

const SERVICE_NAMES = ["APP_LABEL_AND_NAMESPACE", "CANONICAL_NAME_ONLY", "CANONICAL_NAME_AND_NAMESPACE"];
const MODES = ["REDIRECT", "TPROXY", "NONE"];
const MATCHERS: readonly string[] = ["inclusionPrefixes", "inclusionSuffixes", "inclusionRegexps"];
const INT32 = 2_147_483_647;

/** Of each field: what it has to be. */
const FIELDS: Readonly<Record<keyof ProxyConfig, readonly [check: Check, expected: string]>> = {
  serviceCluster: [isText, "a text"],
  tracingServiceName: [isOne(SERVICE_NAMES), SERVICE_NAMES.join(" or ")],
  meshId: [isText, "a text"],
  interceptionMode: [isOne(MODES), MODES.join(", ")],
  concurrency: [isWhole(0, 1024), "a whole number from 0 to 1024"],
  drainDuration: [isDuration, "a time, such as 45s"],
  terminationDrainDuration: [isDuration, "a time, such as 5s"],
  proxyAdminPort: [isWhole(1, 65_535), "a port"],
  statusPort: [isWhole(1, 65_535), "a port"],
  proxyMetadata: [isTextMap, "texts by name"],
  extraStatTags: [isTexts, "a list of names"],
  proxyStatsMatcher: [
    (value) => isObject(value) && Object.entries(value).every(([key, each]) => MATCHERS.includes(key) && isTexts(each)),
    `lists of texts: ${MATCHERS.join(", ")}`,
  ],
  statsdUdpAddress: [isUdpAddress, "IP:PORT"],
  // Whose fields are read by their definitions.
  envoyMetricsService: [isObject, "an object"],
  statsCompression: [(value) => typeof value === "boolean", "true or false"],
  runtimeValues: [isTextMap, "texts by name"],
  fileFlushInterval: [isDuration, "a time, such as 1s"],
  fileFlushMinSizeKb: [isWhole(1, 1_048_576), "a whole number from 1 to 1048576"],
  connectionSettings: [
    isMember("globalDownstreamConnectionLimit", isWhole(1, INT32)),
    "an object whose globalDownstreamConnectionLimit is a whole number above 0",
  ],
};

const CONTAINERS = "nobody starts containers here";
const AGENT = "it is for Istio's agent, which is no part of this mesh";
/** Fields that only say something to who starts a proxy, and nothing to what starts it here. */
const REFUSED: Readonly<Record<string, string>> = {
  binaryPath: "Envoy is ENVOY_BIN, or an envoy on the PATH",
  configPath: AGENT,
  customConfigFile: AGENT,
  proxyBootstrapTemplatePath: AGENT,
  readinessProbe: AGENT,
  envoyMetricsServiceAddress: "it was replaced by envoyMetricsService.address",
  holdApplicationUntilProxyStarts: CONTAINERS,
  image: CONTAINERS,
};

/**
 * Reads `PROXY_CONFIG`. Fields that are for the control service are only checked here.
 *
 * @param problems gets one text for each field of the wrong shape, and each that is not carried out
 */
export function readProxyConfig(value: unknown, problems: string[]): ProxyConfig {
  if (value === undefined) return {};
  if (!isObject(value)) {
    problems.push("PROXY_CONFIG: expected an object, fields of Istio's ProxyConfig");
    return {};
  }
  for (const [name, [check, expected]] of Object.entries(FIELDS)) {
    if (value[name] !== undefined && !check(value[name])) problems.push(`PROXY_CONFIG.${name}: expected ${expected}`);
  }
  problems.push(...nodeSettings(value).problems);
  for (const [name, reason] of Object.entries(REFUSED)) {
    if (value[name] !== undefined) problems.push(`PROXY_CONFIG.${name} is not supported: ${reason}`);
  }
  return value;
}

/** What MeshConfig's `defaultConfig` and the ProxyConfig objects of a mesh say of a proxy, as its `PROXY_CONFIG`. */
export function proxyConfigOf(settings: ProxySettings): ProxyConfig {
  const { bootstrap } = settings;
  const { runtimeValues, extraStatTags, fileFlushInterval, globalDownstreamConnectionLimit, ...others } = bootstrap;
  const { envoyMetricsService: address, envoyMetricsServiceTls, envoyMetricsServiceKeepalive: keepalive, ...same } = others;
  const { concurrency, drainDuration, terminationDrainDuration, proxyAdminPort, statusPort, environmentVariables } = settings;
  return withoutGaps({
    ...same,
    concurrency,
    drainDuration: seconds(drainDuration),
    terminationDrainDuration: seconds(terminationDrainDuration),
    proxyAdminPort,
    statusPort,
    proxyMetadata: unlessEmpty(environmentVariables),
    runtimeValues: unlessEmpty(runtimeValues),
    extraStatTags: extraStatTags.length === 0 ? undefined : extraStatTags,
    fileFlushInterval: seconds(fileFlushInterval),
    envoyMetricsService:
      address === undefined
        ? undefined
        : withoutGaps({
            address,
            tlsSettings: envoyMetricsServiceTls && withoutGaps(envoyMetricsServiceTls),
            tcpKeepalive: keepalive && withoutGaps({ ...keepalive, time: seconds(keepalive.time), interval: seconds(keepalive.interval) }),
          }),
    connectionSettings: globalDownstreamConnectionLimit === undefined ? undefined : { globalDownstreamConnectionLimit },
  });
}

/** How a service is connected to that `PROXY_CONFIG` names. */
export function remoteConnection(service: ProxyConfig["envoyMetricsService"]): RemoteConnection {
  const read = remoteService.read(
    service ?? {},
    new ReadContext({ value: {}, place: () => ({ file: "PROXY_CONFIG", line: 1, column: 1 }) }, []),
  );
  const { tlsSettings: tls, tcpKeepalive: keepalive } = read ?? {};
  return { tls: tls === undefined || tls.mode === "DISABLE" ? undefined : tls, keepalive };
}

function withoutGaps(fields: object): Record<string, never> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Record<string, never>;
}

/** What is given beside the objects goes before them, field by field; of texts by name, name by name, as protocol buffers merge. */
export function mergeProxyConfigs(objects: ProxyConfig, given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const merged: Record<string, unknown> = { ...objects, ...given };
  for (const name of ["proxyMetadata", "runtimeValues"] as const) {
    if (isObject(given[name])) merged[name] = { ...objects[name], ...given[name] };
  }
  return merged;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function seconds(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : `${milliseconds / 1000}s`;
}

function unlessEmpty(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> | undefined {
  return Object.keys(texts).length === 0 ? undefined : texts;
}

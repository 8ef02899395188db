import { isIP } from "node:net";
import { ownProxyConfig, PROXY_CONFIG_ANNOTATION, readAnnotation } from "../kinds/mesh-config/index.ts";
import { MODULES_KEY, ON_DEMAND_KEY, readProxy } from "../model/proxy.ts";
import { GROUP_KEY } from "../model/registration.ts";
import type { Json } from "./json.ts";
import { isObject, type ProxyConfig, readProxyConfig } from "./proxy-config.ts";

/** A module that stands as a file beside the proxy. */
export interface AnnouncedModule {
  /** Absolute. */
  readonly path: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** A node as its bootstrap has it. */
export interface NodeDescription {
  readonly type: "sidecar" | "router";
  readonly cluster: string;
  readonly addresses: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly proxyConfig: ProxyConfig;
  readonly metadata: Json;
}

const TEXTS: readonly string[] = [
  "NAME",
  "NAMESPACE",
  "SERVICE_ACCOUNT",
  "CLUSTER_ID",
  "WORKLOAD_NAME",
  "MESH_ID",
  "NETWORK",
  "OWNER",
  "INSTANCE_IPS",
  "INTERCEPTION_MODE",
  "NODE_NAME",
  "HTTP10",
  GROUP_KEY,
];
const TEXT_MAPS: readonly string[] = ["LABELS", "ANNOTATIONS", "PLATFORM_METADATA"];
const KNOWN: readonly string[] = [
  ...TEXTS,
  ...TEXT_MAPS,
  "PROXY_CONFIG",
  MODULES_KEY,
  ON_DEMAND_KEY,
  "ENVOY_STATUS_PORT",
  "ENVOY_PROMETHEUS_PORT",
];
const ENVIRONMENT = "ISTIO_META_";
const MODES: readonly unknown[] = ["REDIRECT", "TPROXY", "NONE"];

/**
 * The node's metadata: what was given, and for Istio's keys that were not, what follows from the id.
 *
 * @param problems gets one text for each thing that is wrong
 */
export function describeNode(
  id: string,
  given: Json,
  modules: Readonly<Record<string, AnnouncedModule>>,
  problems: string[],
): NodeDescription | undefined {
  check(given, problems);
  const config = annotated(given) ? ownProxyConfig(given) : given["PROXY_CONFIG"];
  const proxyConfig = readProxyConfig(config, problems);
  const proxy = readProxy({ id, metadata: given });
  if (typeof proxy === "string") {
    problems.push(proxy);
    return undefined;
  }
  if (isIP(id.split("~")[1] ?? "") === 0) problems.push(`node id ${id}: its second part is no IP address`);
  const workload = textOf(given["WORKLOAD_NAME"]) ?? proxy.name;
  const { meshId = "cluster.local", interceptionMode = proxy.interceptionMode } = proxyConfig;
  const labels = { ...canonicalLabels(proxy.labels, workload), ...proxy.labels };
  const metadata = {
    NAME: proxy.name,
    NAMESPACE: proxy.namespace,
    WORKLOAD_NAME: workload,
    SERVICE_ACCOUNT: proxy.serviceAccount,
    CLUSTER_ID: proxy.clusterId,
    MESH_ID: meshId,
    INSTANCE_IPS: proxy.addresses.join(","),
    ...(proxy.type === "sidecar" && { INTERCEPTION_MODE: interceptionMode }),
    ...environmentMetadata(proxyConfig),
    ...given,
    ...(config === undefined ? {} : { PROXY_CONFIG: config }),
    LABELS: labels,
    ...(Object.keys(modules).length > 0 && { [MODULES_KEY]: modules }),
  };
  return {
    type: proxy.type,
    cluster: clusterOf(proxyConfig, labels, workload, proxy.namespace),
    addresses: proxy.addresses,
    labels,
    annotations: textsOf(given["ANNOTATIONS"]),
    proxyConfig,
    metadata,
  };
}

function check(given: Json, problems: string[]): void {
  const wrong = (key: string, expected: string) => problems.push(`metadata ${key}: expected ${expected}`);
  for (const key of TEXTS) if (given[key] !== undefined && typeof given[key] !== "string") wrong(key, "a text");
  for (const key of TEXT_MAPS) {
    const value = given[key];
    if (value === undefined) continue;
    if (!isObject(value) || !Object.values(value).every((each) => typeof each === "string")) wrong(key, "texts by name");
  }
  if (annotated(given) && readAnnotation(textsOf(given["ANNOTATIONS"])[PROXY_CONFIG_ANNOTATION] ?? "") === undefined)
    wrong("ANNOTATIONS", `${PROXY_CONFIG_ANNOTATION} to be YAML, fields of Istio's ProxyConfig`);
  const addresses = textOf(given["INSTANCE_IPS"])?.split(",") ?? [];
  if (!addresses.every((address) => isIP(address) !== 0)) wrong("INSTANCE_IPS", "IP addresses with commas between");
  if (given["INTERCEPTION_MODE"] !== undefined && !MODES.includes(given["INTERCEPTION_MODE"])) wrong("INTERCEPTION_MODE", MODES.join(", "));
  const onDemand = given[ON_DEMAND_KEY];
  if (onDemand !== undefined && typeof onDemand !== "boolean" && onDemand !== "true" && onDemand !== "false")
    wrong(ON_DEMAND_KEY, '"true" or "false"');
  // A key that Istio does not know is anybody's own; one that differs only in its letters is a mistake that nothing would tell of.
  for (const key of Object.keys(given)) {
    const meant = KNOWN.find((known) => known === key.toUpperCase().replaceAll("-", "_"));
    if (meant !== undefined && meant !== key) problems.push(`metadata ${key}: did you mean ${meant}?`);
  }
}

/** Variables of the proxy's environment that Istio's agent makes metadata of: `ISTIO_META_NAME` is `NAME`. */
function environmentMetadata({ proxyMetadata }: ProxyConfig): Readonly<Record<string, string>> {
  const own = Object.entries(isObject(proxyMetadata) ? proxyMetadata : {}).filter(([name]) => name.startsWith(ENVIRONMENT));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(ENVIRONMENT.length), value]));
}

/** The name and revision of a service that Istio's injector writes into the labels of every pod, for its metrics. */
function canonicalLabels(labels: Readonly<Record<string, string>>, workload: string): Readonly<Record<string, string>> {
  return {
    "service.istio.io/canonical-name": labels["app.kubernetes.io/name"] ?? labels["app"] ?? workload,
    "service.istio.io/canonical-revision": labels["app.kubernetes.io/version"] ?? labels["version"] ?? "latest",
  };
}

/** `node.cluster`, the service's name in traces: as Istio's agent finds it. */
function clusterOf(config: ProxyConfig, labels: Readonly<Record<string, string>>, workload: string, namespace: string): string {
  if (config.serviceCluster !== undefined && !["", "istio-proxy"].includes(config.serviceCluster)) return config.serviceCluster;
  const canonical = labels["service.istio.io/canonical-name"] ?? workload;
  if (config.tracingServiceName === "CANONICAL_NAME_ONLY") return canonical;
  if (config.tracingServiceName === "CANONICAL_NAME_AND_NAMESPACE") return `${canonical}.${namespace}`;
  return `${labels["app"] ?? workload}.${namespace}`;
}

function annotated(given: Json): boolean {
  return PROXY_CONFIG_ANNOTATION in textsOf(given["ANNOTATIONS"]);
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  return isObject(value) ? (value as Record<string, string>) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

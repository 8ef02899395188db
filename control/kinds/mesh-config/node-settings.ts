import { parse } from "yaml";
import { type FieldType, isMapping, ReadContext } from "../../model/fields/index.ts";
import { Code, formatPath, type Manifest, type OwnSettings, type Problem } from "../../model/index.ts";
import { connectionSettings, gatewayTopology, proxyFields, proxyHeaders, remoteService, tracing } from "./proxy-fields.ts";
import { connections, headers, topology } from "./proxy-settings.ts";

export interface NodeSettings {
  /** What holds for this proxy in the place of the mesh's `defaultConfig`; undefined where it says nothing. */
  readonly settings: OwnSettings | undefined;
  /** One text for each value of the wrong shape, such as `PROXY_CONFIG.gatewayTopology.numTrustedProxies: ...`. Such a field says nothing. */
  readonly problems: readonly string[];
}

const MANIFEST: Manifest = { value: {}, place: () => ({ file: "PROXY_CONFIG", line: 1, column: 1 }) };

/**
 * What a proxy's node says of its listeners: `gatewayTopology`, `proxyHeaders`, `connectionSettings` and `tracing` of Istio's ProxyConfig, which its agent sends as metadata `PROXY_CONFIG` with
 * the annotation `proxy.istio.io/config` of the pod (see {@link ownProxyConfig}). Other fields, and what the mesh does not carry out of these, are left to whoever makes the bootstrap: agents send all that there are.
 */
export function nodeSettings(proxyConfig: unknown): NodeSettings {
  if (!isMapping(proxyConfig)) return { settings: undefined, problems: [] };
  const problems: Problem[] = [];
  const read = <T>(name: string, type: FieldType<T>): T | undefined => {
    const value = proxyConfig[name];
    if (value === undefined || value === null) return undefined;
    return type.read(isMapping(value) ? known(type, value) : value, new ReadContext(MANIFEST, problems).at(name));
  };
  const [front, added, limits, traces] = [
    read("gatewayTopology", gatewayTopology),
    read("proxyHeaders", proxyHeaders),
    read("connectionSettings", connectionSettings),
    read("tracing", tracing),
  ];
  read("envoyMetricsService", remoteService);
  const settings: OwnSettings = {
    ...(front === undefined ? {} : { gatewayTopology: given(topology(front), proxyConfig["gatewayTopology"]) }),
    ...(added === undefined ? {} : { proxyHeaders: given(headers(added), proxyConfig["proxyHeaders"]) }),
    ...(limits === undefined ? {} : { connectionSettings: given(connections(limits), proxyConfig["connectionSettings"]) }),
    ...(traces === undefined ? {} : { tracing: traces, ...(traces.sampling === undefined ? {} : { tracingSampling: traces.sampling }) }),
  };
  return {
    settings: Object.keys(settings).length === 0 ? undefined : settings,
    problems: problems.map(({ path, message }) => `PROXY_CONFIG.${formatPath(path)}: ${message}`),
  };
}

/** Of settings, those that were not filled in: they have the names of the fields, which may be written in snake_case. */
function given<Settings extends object>(settings: Settings, value: unknown): Partial<Settings> {
  const names = new Set(
    Object.keys(value as object).map((key) => key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())),
  );
  return Object.fromEntries(Object.entries(settings).filter(([name]) => names.has(name))) as Partial<Settings>;
}

/** Without fields that are refused in a MeshConfig. */
function known({ members = {} }: FieldType<unknown>, value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => members[key]?.refused === undefined));
}

/** The annotation of a pod, YAML of a ProxyConfig, that goes before the mesh's (https://istio.io/latest/docs/reference/config/annotations/#ProxyConfig). */
export const PROXY_CONFIG_ANNOTATION = "proxy.istio.io/config";

/** Parts whose fields stand beside those that others say; all else is replaced as a whole (Istio's `ApplyProxyConfig`, and {@link OwnSettings}). */
const MERGED = ["gatewayTopology", "proxyHeaders", "connectionSettings", "proxyMetadata", "runtimeValues"];

/**
 * What a proxy says of itself, as one ProxyConfig: its pod's annotation, over that its metadata `PROXY_CONFIG`, which Istio's agents make of the same at their start, and over that the annotation in
 * its metadata `ANNOTATIONS`. What is no YAML of a mapping says nothing.
 */
export function ownProxyConfig(metadata: Readonly<Record<string, unknown>>, annotation?: string): unknown {
  const annotations = metadata["ANNOTATIONS"];
  const own = isMapping(annotations) ? annotations[PROXY_CONFIG_ANNOTATION] : undefined;
  const configs = [annotation, metadata["PROXY_CONFIG"], own].map((each) => (typeof each === "string" ? readAnnotation(each) : each));
  return configs.filter(isMapping).reduce<Readonly<Record<string, unknown>> | undefined>(merge, undefined);
}

/** What is wrong with an annotation. A field that is refused says nothing, and the others hold. */
export function annotationProblems(text: string): readonly Pick<Problem, "level" | "code" | "message">[] {
  const value = readAnnotation(text);
  if (value === undefined) return [{ level: "error", code: Code.Value, message: "expected YAML, fields of Istio's ProxyConfig" }];
  const problems: Problem[] = [];
  proxyFields.read(value, new ReadContext(MANIFEST, problems));
  return problems.map(({ level, code, path, message }) => ({
    level: code === Code.Refused ? "warning" : level,
    code,
    message: `${formatPath(path)}: ${message}`,
  }));
}

/** The ProxyConfig in an annotation; undefined where it is none. */
export function readAnnotation(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = parse(text, { logLevel: "error" });
    return isMapping(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function merge(before: Readonly<Record<string, unknown>> | undefined, over: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...before, ...over };
  for (const name of MERGED) {
    const [below, above] = [before?.[name], over[name]];
    if (isMapping(below) && isMapping(above)) merged[name] = { ...below, ...above };
  }
  return merged;
}

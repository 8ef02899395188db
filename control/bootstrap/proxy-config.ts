/** What of Istio's ProxyConfig (node metadata `PROXY_CONFIG`) has an effect on a bootstrap or on how Envoy is run. */
export interface ProxyConfig {
  readonly serviceCluster?: string;
  readonly tracingServiceName?: "APP_LABEL_AND_NAMESPACE" | "CANONICAL_NAME_ONLY" | "CANONICAL_NAME_AND_NAMESPACE";
  readonly concurrency?: number;
  readonly terminationDrainDuration?: string;
  readonly extraStatTags?: readonly string[];
  readonly proxyStatsMatcher?: {
    readonly inclusionPrefixes?: readonly string[];
    readonly inclusionSuffixes?: readonly string[];
    readonly inclusionRegexps?: readonly string[];
  };
  readonly runtimeValues?: Readonly<Record<string, string>>;
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
const isTextMap: Check = (value) => isObject(value) && Object.values(value).every(isText);
const SERVICE_NAMES: readonly unknown[] = ["APP_LABEL_AND_NAMESPACE", "CANONICAL_NAME_ONLY", "CANONICAL_NAME_AND_NAMESPACE"];
const MATCHERS: readonly string[] = ["inclusionPrefixes", "inclusionSuffixes", "inclusionRegexps"];

/** Of each field: what it has to be. */
const FIELDS: Readonly<Record<string, readonly [check: Check, expected: string]>> = {
  serviceCluster: [isText, "a text"],
  tracingServiceName: [(value) => SERVICE_NAMES.includes(value), SERVICE_NAMES.join(" or ")],
  concurrency: [(value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 1024, "a whole number from 0 to 1024"],
  terminationDrainDuration: [(value) => typeof value === "string" && /^\d+(\.\d+)?s$/.test(value), "seconds, such as 5s"],
  extraStatTags: [isTexts, "a list of names"],
  proxyStatsMatcher: [
    (value) => isObject(value) && Object.entries(value).every(([key, each]) => MATCHERS.includes(key) && isTexts(each)),
    `lists of texts: ${MATCHERS.join(", ")}`,
  ],
  runtimeValues: [isTextMap, "texts by name"],
};

/**
 * Reads `PROXY_CONFIG`. Fields of Istio's that are for the control service are not looked at here.
 *
 * @param problems gets one text for each field of the wrong shape
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
  return value;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

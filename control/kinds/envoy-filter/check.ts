import { Code, type FieldPath, type MeshObject, PATCH_OPERATIONS, PATCHED_MESSAGES, type Report } from "../../model/index.ts";
import type { ConfigPatch, EnvoyFilterSpec } from "./fields.ts";
import { canonicalName, MANAGER } from "./names.ts";

/** What Envoy's API says of the values of patches. */
export interface Values {
  /**
   * What is wrong with a value.
   *
   * @param message full name of the message that it has to be: `envoy.config.cluster.v3.Cluster`
   * @param whole whether it goes as it is, and is not merged into another, so that what has to be there is
   */
  check(message: string, value: unknown, whole: boolean): readonly ValueProblem[];
}

export interface ValueProblem {
  readonly unknown: boolean;
  readonly path: FieldPath;
  readonly message: string;
}

/** Names that the mesh gives: what is added under one would be in its way. */
const OWN_CLUSTERS = /^(?:(?:outbound|inbound|jwks)\||outbound_\.|(?:BlackHoleCluster|PassthroughCluster|InboundPassthroughCluster)$)/;
const OWN_LISTENERS = /^(?:virtualInbound$|virtualOutbound$|(?:[\d.]+|[\da-f:]+)_\d+$)/i;
const OWN_EXTENSIONS = /^meshwright\./;

/** Istio's `ValidateEnvoyFilter`, and what it takes without a word though nothing comes of it. */
export function check({ spec }: MeshObject<EnvoyFilterSpec>, report: Report, values: Values): void {
  if (spec.workloadSelector !== undefined && Object.keys(spec.workloadSelector.labels ?? {}).length === 0)
    report("warning", "IST0133", ["spec", "workloadSelector"], "a selector without labels selects every workload of the namespace");
  for (const [index, each] of spec.configPatches.entries()) {
    const path: FieldPath = ["spec", "configPatches", index];
    checkMatch(each, path, report);
    checkOperation(each, path, report);
    checkNames(each, path, report);
    checkValue(each, path, report, values);
  }
}

/** Which member of `match` an applyTo looks at. */
const MATCHES: Readonly<Record<ConfigPatch["applyTo"], "listener" | "routeConfiguration" | "cluster" | undefined>> = {
  LISTENER: "listener",
  LISTENER_FILTER: "listener",
  FILTER_CHAIN: "listener",
  NETWORK_FILTER: "listener",
  HTTP_FILTER: "listener",
  ROUTE_CONFIGURATION: "routeConfiguration",
  VIRTUAL_HOST: "routeConfiguration",
  HTTP_ROUTE: "routeConfiguration",
  CLUSTER: "cluster",
  EXTENSION_CONFIG: undefined,
  BOOTSTRAP: undefined,
};

function checkMatch({ applyTo, match }: ConfigPatch, path: FieldPath, report: Report): void {
  for (const member of ["listener", "routeConfiguration", "cluster"] as const) {
    if (match?.[member] === undefined || member === MATCHES[applyTo]) continue;
    const expected = MATCHES[applyTo];
    const message = expected === undefined ? `${applyTo} is matched by context and proxy alone` : `${applyTo} is matched by ${expected}`;
    report("error", Code.Value, [...path, "match", member], message);
  }
  const { filterChain, listenerFilter } = match?.listener ?? {};
  if (listenerFilter !== undefined && applyTo !== "LISTENER_FILTER")
    report("error", Code.Value, [...path, "match", "listener", "listenerFilter"], "is for LISTENER_FILTER alone");
  const filter = filterChain?.filter;
  const at = [...path, "match", "listener", "filterChain", "filter"];
  if (filter?.subFilter !== undefined && applyTo !== "HTTP_FILTER")
    report("error", Code.Value, [...at, "subFilter"], "is for HTTP_FILTER alone");
  else if (filter?.subFilter !== undefined && canonicalName(filter.name) !== MANAGER)
    report("error", Code.Value, [...at, "name"], `HTTP filters are in ${MANAGER}`);
  const { vhost } = match?.routeConfiguration ?? {};
  const where = [...path, "match", "routeConfiguration", "vhost"];
  if (vhost !== undefined && applyTo === "ROUTE_CONFIGURATION")
    report("error", Code.Value, where, "a route configuration is not matched by what is in it; apply the patch to VIRTUAL_HOST");
  else if (vhost?.route !== undefined && applyTo !== "HTTP_ROUTE")
    report("error", Code.Value, [...where, "route"], "is for HTTP_ROUTE alone");
}

function checkOperation({ applyTo, match, patch }: ConfigPatch, path: FieldPath, report: Report): void {
  const { operation, value, filterClass } = patch;
  const at = [...path, "patch"];
  const allowed = PATCH_OPERATIONS[applyTo];
  if (!allowed.includes(operation)) {
    report("error", Code.Value, [...at, "operation"], `${applyTo} takes ${allowed.join(", ")}, and not ${operation}`);
    return;
  }
  if (operation === "REMOVE" && value !== undefined)
    report("warning", Code.Surprise, [...at, "value"], "has no effect: REMOVE takes no value");
  if (operation !== "REMOVE" && value === undefined) report("error", Code.Missing, at, `"value" is missing: what ${operation} puts in`);
  if (filterClass !== "UNSPECIFIED" && (applyTo !== "HTTP_FILTER" || operation !== "ADD"))
    report("error", Code.Value, [...at, "filterClass"], "says where an ADD for HTTP_FILTER goes, and nothing else");
  const named = match?.listener?.filterChain?.filter;
  const hasName =
    applyTo === "LISTENER_FILTER" ? match?.listener?.listenerFilter : applyTo === "NETWORK_FILTER" ? named?.name : named?.subFilter?.name;
  const isFilter = applyTo === "LISTENER_FILTER" || applyTo === "NETWORK_FILTER" || applyTo === "HTTP_FILTER";
  if (isFilter && hasName === undefined && (operation === "REPLACE" || operation === "REMOVE"))
    report("error", Code.Missing, [...path, "match"], `${operation} needs a match that names the filter`);
}

function checkNames({ applyTo, match, patch }: ConfigPatch, path: FieldPath, report: Report): void {
  const chain = match?.listener?.filterChain?.filter;
  const at = [...path, "match", "listener"];
  const names: (readonly [string | undefined, FieldPath])[] = [
    [chain?.name, [...at, "filterChain", "filter", "name"]],
    [chain?.subFilter?.name, [...at, "filterChain", "filter", "subFilter", "name"]],
    [match?.listener?.listenerFilter, [...at, "listenerFilter"]],
  ];
  for (const [name, where] of names) {
    const current = name === undefined ? undefined : canonicalName(name);
    if (current !== name) report("warning", Code.Surprise, where, `is an old name of Envoy's; write ${current}`);
  }
  const name = patch.value?.["name"];
  if (patch.operation !== "ADD" || typeof name !== "string") return;
  const own =
    applyTo === "CLUSTER" ? OWN_CLUSTERS : applyTo === "LISTENER" ? OWN_LISTENERS : applyTo === "EXTENSION_CONFIG" ? OWN_EXTENSIONS : NONE;
  if (own.test(name))
    report("error", Code.Value, [...path, "patch", "value", "name"], "is a name that the mesh gives; take another, or MERGE");
}

const NONE = /^(?!)/;

/** What is added to lists must be whole; so must a resource have a name. */
function checkValue({ applyTo, patch }: ConfigPatch, path: FieldPath, report: Report, values: Values): void {
  const { operation, value } = patch;
  if (value === undefined || operation === "REMOVE") return;
  const at = [...path, "patch", "value"];
  const isMerged = operation === "MERGE";
  const problems = values.check(PATCHED_MESSAGES[applyTo], value, !isMerged);
  for (const problem of problems)
    report("error", problem.unknown ? Code.UnknownField : Code.Value, [...at, ...problem.path], problem.message);
  const isNamed = applyTo === "CLUSTER" || applyTo === "LISTENER" || applyTo === "EXTENSION_CONFIG";
  if (!isMerged && isNamed && problems.length === 0 && (value["name"] === undefined || value["name"] === ""))
    report("error", Code.Missing, at, `"name" is missing: proxies know it by its name`);
}

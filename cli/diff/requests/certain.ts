import { type DescMessage, fromBinary, type MessageShape, type Registry, toBinary, toJson } from "@bufbuild/protobuf";
import { type Duration, StringValueSchema } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "../../../control/envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import {
  RouteAction_RequestMirrorPolicySchema,
  type RouteAction,
  type RetryPolicy,
  RetryPolicySchema,
  type Route,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
  WeightedCluster_ClusterWeightSchema,
} from "../../../control/envoy-api/generated/envoy/config/route/v3/route_components_pb.ts";
import { type FaultAbort, HTTPFaultSchema } from "../../../control/envoy-api/generated/envoy/extensions/filters/http/fault/v3/fault_pb.ts";
import { TcpProxySchema } from "../../../control/envoy-api/generated/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts";
import { PluginConfigSchema } from "../../../control/envoy-api/generated/envoy/extensions/wasm/v3/wasm_pb.ts";
import {
  type FractionalPercent,
  FractionalPercent_DenominatorType as Denominator,
} from "../../../control/envoy-api/generated/envoy/type/v3/percent_pb.ts";
import { pack, typeUrl } from "../../../control/envoy-api/index.ts";
import type { Resource, ResourceView, Snapshot } from "../../../control/xds/server/index.ts";
import { XDS_TYPES } from "../../../control/xds/types/index.ts";
import { ROUTE_MARK } from "../../try/mesh/access-log.ts";
import { edit, editMessages } from "./edit-messages.ts";
import { certainFilters, type FaultSettings } from "./certain-filters.ts";

/** What a route does by chance or after a while, and so is read instead of run. */
export interface RouteFacts {
  /** `VirtualService default/reviews, route "jason"`; for people. */
  readonly label: string;
  /** Which clusters get which share of the requests: `outbound|80|v1|reviews 90 %, outbound|80|v2|reviews 10 %`. Empty where it leads to none. */
  readonly destinations: string;
  /** `5 s for 10 %` */
  readonly delay: string;
  /** `503 for 10 %` */
  readonly abort: string;
  /** What else is done that a single request does not show, by what it is called. */
  readonly others: ReadonlyMap<string, string>;
}

/** A snapshot in which nothing is left to chance or to time, and what was. */
export interface CertainSnapshot {
  readonly snapshot: Snapshot;
  readonly routes: readonly RouteFacts[];
  /** Of rules of the filter `fault`, by their names. */
  readonly faults: ReadonlyMap<string, FaultSettings>;
}

/** Types that hold what is edited. */
const EDITED: ReadonlySet<string> = new Set(["listener", "route", "cluster", "filter"]);

/**
 * Takes out of a snapshot what would have the same request end in different ways: of several weighted clusters the heaviest gets all, faults for a share of the requests strike none, delays are not waited for, and nothing
 * counts requests (rate limits, circuit breakers, outlier detection). Every route gets a mark that the access log shows, by which is found what was taken out of it.
 */
export function certainSnapshot(snapshot: Snapshot, registry: Registry): CertainSnapshot {
  const routes: RouteFacts[] = [];
  const faults = new Map<string, FaultSettings>();
  // What routes of a host have in common stands there.
  let shared: VirtualHost | undefined;
  const edits = [
    edit(VirtualHostSchema, (host) => {
      shared = host;
    }),
    edit(RouteSchema, (route) => {
      route.metadata ??= { $typeName: "envoy.config.core.v3.Metadata", filterMetadata: {}, typedFilterMetadata: {} };
      route.metadata.filterMetadata[ROUTE_MARK] = { mark: String(routes.length) };
      routes.push(settle(route, shared?.retryPolicy, registry));
    }),
    edit(TcpProxySchema, ({ clusterSpecifier }) => {
      if (clusterSpecifier.case === "weightedClusters")
        onlyHeaviest(clusterSpecifier.value.clusters, (each, weight) => (each.weight = weight));
    }),
    edit(ClusterSchema, (cluster) => {
      delete cluster.outlierDetection;
      delete cluster.circuitBreakers;
    }),
    edit(PluginConfigSchema, (plugin) => {
      if (plugin.configuration?.typeUrl !== typeUrl(StringValueSchema)) return;
      const made = certainFilters(fromBinary(StringValueSchema, plugin.configuration.value).value);
      if (made === undefined) return;
      plugin.configuration = pack(StringValueSchema, { value: made.configuration });
      for (const [rule, settings] of made.faults) faults.set(rule, settings);
    }),
  ];
  const views = new Map<string, ResourceView>();
  for (const { name, schema } of XDS_TYPES) {
    if (!EDITED.has(name)) continue;
    const url = typeUrl(schema);
    const from = snapshot.resources(url);
    const resources = new Map<string, Resource>();
    for (const each of from.names()) {
      const resource = from.get(each);
      if (resource === undefined) continue;
      const message = fromBinary(schema, resource.value);
      editMessages(schema, message, registry, edits);
      resources.set(each, { ...resource, value: toBinary(schema, message) });
    }
    views.set(url, { get: (each) => resources.get(each), names: () => resources.keys() });
  }
  return { snapshot: { version: snapshot.version, resources: (url) => views.get(url) ?? snapshot.resources(url) }, routes, faults };
}

/** Makes a route certain, and says what it was. */
function settle(route: Route, shared: RetryPolicy | undefined, registry: Registry): RouteFacts {
  const others = new Map<string, string>();
  const { delay, abort } = settleFault(route);
  const text = <Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>) =>
    JSON.stringify(toJson(schema, message, { registry }));
  let destinations = "";
  if (route.action.case === "route") {
    const action = route.action.value;
    destinations = shares(action);
    if (action.clusterSpecifier.case === "weightedClusters") {
      const { clusters } = action.clusterSpecifier.value;
      const plain = clusters.map((each) => text(WeightedCluster_ClusterWeightSchema, { ...each, weight: undefined }));
      others.set("what is done for each destination", plain.join(", "));
      onlyHeaviest(clusters, (each, weight) => (each.weight = weight));
    }
    const retries = action.retryPolicy ?? shared;
    if (retries !== undefined) others.set("retries", text(RetryPolicySchema, retries));
    if (action.timeout !== undefined) others.set("timeout", seconds(action.timeout));
    if (action.requestMirrorPolicies.length > 0) {
      const mirrors = action.requestMirrorPolicies.map((each) => text(RouteAction_RequestMirrorPolicySchema, each));
      others.set("mirrors", mirrors.join(", "));
      action.requestMirrorPolicies = [];
    }
  }
  return { label: labelOf(route), destinations, delay, abort, others };
}

/** @see https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/extensions/filters/http/fault/v3/fault.proto */
function settleFault({ typedPerFilterConfig: settings }: Route): { readonly delay: string; readonly abort: string } {
  const packed = settings["envoy.filters.http.fault"];
  if (packed?.typeUrl !== typeUrl(HTTPFaultSchema)) return { delay: "", abort: "" };
  const fault = fromBinary(HTTPFaultSchema, packed.value);
  const delay = fault.delay?.faultDelaySecifier.case === "fixedDelay" ? fault.delay : undefined;
  const [waits, strikes] = [percent(delay?.percentage), percent(fault.abort?.percentage)];
  const time = delay?.faultDelaySecifier.case === "fixedDelay" ? seconds(delay.faultDelaySecifier.value) : "";
  if (delay !== undefined) delete fault.delay;
  const answer = fault.abort === undefined ? "" : abortOf(fault.abort);
  if (strikes > 0 && strikes < 100) delete fault.abort;
  settings["envoy.filters.http.fault"] = pack(HTTPFaultSchema, fault);
  return { delay: waits > 0 ? `${time} for ${waits} %` : "", abort: strikes > 0 ? `${answer} for ${strikes} %` : "" };
}

function abortOf({ errorType }: FaultAbort): string {
  if (errorType.case === "grpcStatus") return `gRPC ${errorType.value}`;
  return errorType.case === "httpStatus" ? String(errorType.value) : "as the client says";
}

function shares({ clusterSpecifier }: RouteAction): string {
  if (clusterSpecifier.case === "cluster") return clusterSpecifier.value;
  if (clusterSpecifier.case !== "weightedClusters") return "";
  const { clusters } = clusterSpecifier.value;
  const total = clusters.reduce((sum, { weight = 0 }) => sum + Number(weight), 0);
  const byName = new Map<string, number>();
  for (const { name, weight = 0 } of clusters) byName.set(name, (byName.get(name) ?? 0) + Number(weight));
  const list = Array.from(byName, ([name, weight]) => `${name} ${round((100 * weight) / total)} %`);
  return list.sort().join(", ");
}

/** Of those with the same weight the first by name, whatever their order. */
function onlyHeaviest<Weighted extends { readonly name: string; readonly weight?: unknown }>(
  clusters: readonly Weighted[],
  set: (each: Weighted, weight: number) => void,
): void {
  const [heaviest] = clusters.toSorted((a, b) => Number(b.weight ?? 0) - Number(a.weight ?? 0) || (a.name < b.name ? -1 : 1));
  for (const each of clusters) set(each, each === heaviest ? 1 : 0);
}

const DENOMINATORS: Readonly<Partial<Record<Denominator, number>>> = {
  [Denominator.HUNDRED]: 100,
  [Denominator.TEN_THOUSAND]: 10_000,
  [Denominator.MILLION]: 1_000_000,
};

function percent(of: FractionalPercent | undefined): number {
  return of === undefined ? 0 : round((100 * of.numerator) / (DENOMINATORS[of.denominator] ?? 100));
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

function seconds({ seconds: whole, nanos }: Duration): string {
  return `${Number(whole) + nanos / 1e9} s`;
}

/** Which object a route is of, and which one of it. */
function labelOf({ name, metadata, match }: Route): string {
  const config = metadata?.filterMetadata["istio"]?.["config"];
  // Behind the name stands which route of it (`try/mesh/tagged-routes.ts`); others may come before it.
  const [, namespace, object] = /\/namespaces\/([^/]+)\/virtual-service\/([^ ]+)/.exec(typeof config === "string" ? config : "") ?? [];
  const path = match?.pathSpecifier;
  const where =
    name !== ""
      ? `route ${JSON.stringify(name)}`
      : path?.case === "prefix" || path?.case === "path" || path?.case === "pathSeparatedPrefix"
        ? `path ${path.value}${path.case === "path" ? "" : "*"}`
        : path?.case === "safeRegex"
          ? `path ~ ${path.value.regex}`
          : "";
  const owner = object === undefined ? "" : `VirtualService ${namespace}/${object}`;
  // The object may be called as the place in it, which tells more than what the route matches.
  return [owner, / spec\.http\[\d+\]$/.test(owner) && name === "" ? "" : where].filter((part) => part !== "").join(", ");
}

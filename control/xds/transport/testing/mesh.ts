import { createRegistry, fromJson, toBinary, type DescMessage, type JsonValue } from "@bufbuild/protobuf";
import { ClusterSchema } from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { TypedExtensionConfigSchema } from "../../../envoy-api/generated/envoy/config/core/v3/extension_pb.ts";
import { ClusterLoadAssignmentSchema } from "../../../envoy-api/generated/envoy/config/endpoint/v3/endpoint_pb.ts";
import { ListenerSchema } from "../../../envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import { RouteConfigurationSchema } from "../../../envoy-api/generated/envoy/config/route/v3/route_pb.ts";
import { ScopedRouteConfigurationSchema } from "../../../envoy-api/generated/envoy/config/route/v3/scoped_route_pb.ts";
import { HeaderMutationSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.ts";
import { OnDemandSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.ts";
import { RouterSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/router/v3/router_pb.ts";
import { HttpConnectionManagerSchema } from "../../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import type { Resource, ResourceReference } from "../../server/index.ts";
import { bytesResource, CLUSTER, ENDPOINT, FILTER, LISTENER, ROUTE, SCOPE } from "../../server/testing/snapshot.ts";

/** Where Envoy gets what a resource refers to. Default: the aggregated stream. */
export const ADS: JsonValue = { ads: {}, resourceApiVersion: "V3", initialFetchTimeout: "15s" };

const registry = createRegistry(HttpConnectionManagerSchema, RouterSchema, HeaderMutationSchema, OnDemandSchema);

function resource(schema: DescMessage, name: string, json: JsonValue, companions?: readonly ResourceReference[]): Resource {
  return bytesResource(name, toBinary(schema, fromJson(schema, json, { registry })), companions);
}

/** A listener on a free port: scoped routes by host, and the filter `header` by ECDS. With `onDemand`, routes and clusters are asked for when used. */
export function listener(source: JsonValue = ADS, onDemand = false): Resource {
  const authority = { headerValueExtractor: { name: ":authority", elementSeparator: ":", index: 0 } };
  const manager = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    statPrefix: "main",
    scopedRoutes: {
      name: "scopes",
      scopeKeyBuilder: { fragments: [authority] },
      rdsConfigSource: source,
      scopedRds: { scopedRdsConfigSource: source },
    },
    streamIdleTimeout: "5s",
    httpFilters: [
      {
        name: "header",
        configDiscovery: {
          configSource: source,
          typeUrls: ["type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"],
        },
      },
      ...(onDemand ? [onDemandFilter(source)] : []),
      { name: "router", typedConfig: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } },
    ],
  };
  return resource(ListenerSchema, "main", {
    name: "main",
    address: { socketAddress: { address: "127.0.0.1", portValue: 0 } },
    filterChains: [{ filters: [{ name: "http", typedConfig: manager }] }],
  });
}

function onDemandFilter(source: JsonValue) {
  const type = "type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.OnDemand";
  return { name: "on_demand", typedConfig: { "@type": type, odcds: { source, timeout: "5s" } } };
}

/** The filter `header`: adds `x-config: value` to responses. */
export function filter(value: string): Resource {
  return resource(TypedExtensionConfigSchema, "header", {
    name: "header",
    typedConfig: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
      mutations: { responseMutations: [{ append: { header: { key: "x-config", value }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" } }] },
    },
  });
}

/** Requests for `host` go by the route configuration of that name. */
export function scope(host: string, onDemand = false): Resource {
  const key = { fragments: [{ stringKey: host }] };
  return resource(ScopedRouteConfigurationSchema, host, { name: host, routeConfigurationName: host, key, onDemand });
}

/** Everything goes to `cluster`. */
export function route(host: string, cluster: string): Resource {
  const routes = [{ match: { prefix: "/" }, route: { cluster } }];
  return resource(RouteConfigurationSchema, host, { name: host, virtualHosts: [{ name: host, domains: ["*"], routes }] });
}

/** Everything is answered with 404. */
export function unknownRoute(host: string): Resource {
  const routes = [{ match: { prefix: "/" }, directResponse: { status: 404, body: { inlineString: "unknown" } } }];
  return resource(RouteConfigurationSchema, host, { name: host, virtualHosts: [{ name: host, domains: ["*"], routes }] });
}

/** A route configuration that Envoy refuses. */
export function brokenRoute(host: string): Resource {
  const virtualHost = { name: host, domains: ["*"] };
  return resource(RouteConfigurationSchema, host, { name: host, virtualHosts: [virtualHost, { ...virtualHost, name: `${host}-2` }] });
}

/** A cluster whose endpoints come by EDS. */
export function cluster(name: string, connectTimeout = "1s", source: JsonValue = ADS): Resource {
  const companions = [{ typeUrl: ENDPOINT, name }];
  return resource(ClusterSchema, name, { name, type: "EDS", connectTimeout, edsClusterConfig: { edsConfig: source } }, companions);
}

export function endpoints(name: string, ports: readonly number[]): Resource {
  const lbEndpoints = ports.map((portValue) => ({ endpoint: { address: { socketAddress: { address: "127.0.0.1", portValue } } } }));
  return resource(ClusterLoadAssignmentSchema, name, { clusterName: name, endpoints: [{ lbEndpoints }] });
}

/** One host `name` whose requests go to the cluster of that name, at `port`. */
export function meshOf(hosts: Readonly<Record<string, number>>, source: JsonValue = ADS): Readonly<Record<string, readonly Resource[]>> {
  const names = Object.keys(hosts);
  return {
    [LISTENER]: [listener(source)],
    [FILTER]: [filter("1")],
    [SCOPE]: names.map((name) => scope(name)),
    [ROUTE]: names.map((name) => route(name, name)),
    [CLUSTER]: names.map((name) => cluster(name, "1s", source)),
    [ENDPOINT]: names.map((name) => endpoints(name, [hosts[name] ?? 0])),
  };
}

import {
  choice,
  defaulted,
  integer,
  json,
  list,
  map,
  object,
  optional,
  portNumber,
  refused,
  required,
  text,
} from "../../model/fields/index.ts";
import { workloadSelector } from "../../model/parts/index.ts";
import { wrongRegex } from "./regex.ts";

const GATEWAY_API = "objects of the Gateway API are not read; write a workloadSelector";

const proxy = object({
  proxyVersion: optional(
    text({ shape: "regular expression (RE2)", check: wrongRegex }),
    "Found anywhere in the proxy's metadata ISTIO_VERSION; a proxy without one is not matched.",
  ),
  metadata: defaulted(map(text({ empty: true })), {}, "Metadata of the proxy's node, all of them, as texts."),
});

const subFilter = object({ name: required(text(), "Name of the HTTP filter.") });

const filter = object({
  name: required(text(), "Name of the network filter: `envoy.filters.network.http_connection_manager`."),
  subFilter: optional(subFilter, "An HTTP filter in it. Those of this mesh are known by the names of Istio's whose place they take."),
});

const filterChain = object({
  name: optional(text(), "Name of the chain."),
  sni: optional(text(), "A server name that the chain is for."),
  transportProtocol: optional(text(), "`raw_buffer` or `tls`, where the chain is for one of them."),
  applicationProtocols: optional(text(), "Protocols that the chain is for, all of them, by commas."),
  filter: optional(filter, "A filter in the chain."),
  destinationPort: optional(portNumber, "The port that the chain is for."),
});

const listener = object({
  portNumber: optional(portNumber, "Port of the listener; of virtualInbound that of its chain. Default: all."),
  portName: refused("Istio does not carry it out either; write portNumber"),
  filterChain: optional(filterChain, "A chain, and a filter in it."),
  listenerFilter: optional(text(), "Name of a listener filter."),
  name: optional(text(), "Name of the listener: `virtualInbound`, `0.0.0.0_8080`."),
});

const route = object({
  name: optional(text(), "Name of the route; that of a service without rules is `default`."),
  action: defaulted(choice("ANY", "ROUTE", "REDIRECT", "DIRECT_RESPONSE"), "ANY", "What the route does."),
});

const virtualHost = object({
  name: optional(text(), "Name of the virtual host: `reviews.default.svc.cluster.local:9080`."),
  domainName: optional(text(), "One of its domains."),
  route: optional(route, "A route of it."),
});

const routeConfiguration = object({
  portNumber: optional(portNumber, "Port that the routes are for. Default: all."),
  portName: optional(text(), "On gateways: name of the server's port, of servers that end TLS."),
  gateway: optional(
    text({ check: (value) => (/^[^/]+\/[^/]+$/.test(value) ? undefined : `${JSON.stringify(value)} has to be NAMESPACE/NAME`) }),
    "On gateways: the Gateway as NAMESPACE/NAME, of servers that end TLS.",
  ),
  vhost: optional(virtualHost, "A virtual host, and a route in it."),
  name: optional(text(), "As Istio names it: `9080`, `http.8080`, `https.443.https.web.prod`, `inbound|8080||`."),
});

const cluster = object({
  portNumber: optional(portNumber, "Port of the service. Default: all."),
  service: optional(text(), "Host of the service in full."),
  subset: optional(text(), "Subset of the service."),
  name: optional(text(), "Name of the cluster; then nothing else is looked at."),
});

const match = object(
  {
    context: defaulted(
      choice("ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY"),
      "ANY",
      "Which side of which proxies. What is added to ANY is added for sidecars once, as outbound, and for gateways.",
    ),
    proxy: optional(proxy, "Which proxies."),
    listener: optional(listener, "Which listeners, chains and filters."),
    routeConfiguration: optional(routeConfiguration, "Which routes."),
    cluster: optional(cluster, "Which clusters."),
    waypoint: refused("there are no waypoints; sidecars and gateways have everything"),
  },
  { exclusive: [["listener", "routeConfiguration", "cluster"]] },
);

const patch = object({
  operation: required(
    choice("MERGE", "ADD", "REMOVE", "INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST", "REPLACE"),
    "What is done; which of them an applyTo takes is checked.",
  ),
  value: optional(map(json), "The message of Envoy's API, as JSON, checked against it; of REMOVE there is none."),
  filterClass: defaulted(
    choice("UNSPECIFIED", "AUTHN", "AUTHZ", "STATS"),
    "UNSPECIFIED",
    "Of ADD for HTTP_FILTER: AUTHN, AUTHZ and STATS are behind authentication and authorization. Default: before the router.",
  ),
});

const configPatch = object({
  applyTo: required(
    choice(
      "LISTENER",
      "LISTENER_FILTER",
      "FILTER_CHAIN",
      "NETWORK_FILTER",
      "HTTP_FILTER",
      "ROUTE_CONFIGURATION",
      "VIRTUAL_HOST",
      "HTTP_ROUTE",
      "CLUSTER",
      "EXTENSION_CONFIG",
      "BOOTSTRAP",
    ),
    "What is patched.",
  ),
  match: optional(match, "Which of it. Default: all."),
  patch: required(patch, "What is done with it."),
});

/** `istio.networking.v1alpha3.EnvoyFilter`. */
export const fields = object({
  workloadSelector: optional(
    workloadSelector,
    "Workloads of the namespace that it is for. Default: all; in the root namespace those of the whole mesh.",
  ),
  targetRefs: refused(GATEWAY_API),
  configPatches: required(list(configPatch), "The patches, in their order."),
  priority: defaulted(
    integer({ least: -2_147_483_648, most: 2_147_483_647 }),
    0,
    "Of several EnvoyFilters the lowest comes first, then those of the root namespace, then the oldest.",
  ),
});

export type EnvoyFilterSpec = NonNullable<ReturnType<typeof fields.read>>;
export type ConfigPatch = EnvoyFilterSpec["configPatches"][number];

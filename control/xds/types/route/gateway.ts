import {
  compareSpecificity,
  type Gateway,
  type GatewayServer,
  type HostName,
  type HttpRoute,
  isWildcard,
  type ProxyView,
} from "../../../model/index.ts";
import { mergedRouteNameOf, planGateway } from "../listener/gateway/plan.ts";
import { scopeKey } from "../scope/key.ts";
import { type RouteConfiguration, routeConfiguration, virtualHost } from "./configuration.ts";
import { gatewayRouteName } from "./route-name.ts";
import { combinedRoutes, hasRoutes } from "./routes.ts";

/** Servers of a proxy's gateways that share their hosts. */
export interface ServerSet {
  readonly name: string;
  readonly servers: readonly (readonly [gateway: Gateway, server: GatewayServer])[];
}

/** Every set of hosts that a gateway's listeners route by, but for {@link mergedSets}: these are the same for all proxies of the gateway. */
export function serverSets(view: ProxyView): readonly ServerSet[] {
  const sets = new Map<string, [Gateway, GatewayServer][]>();
  for (const gateway of view.gateways()) {
    for (const server of gateway.servers) {
      const name = gatewayRouteName(view.client(), gateway, server);
      if (name === undefined) continue;
      const servers = sets.get(name);
      if (servers === undefined) sets.set(name, [[gateway, server]]);
      else servers.push([gateway, server]);
    }
  }
  return [...sets].map(([name, servers]) => ({ name, servers }));
}

/** Sets of servers with different numbers that share a port of this proxy, which only its own workload and the Services before it tell. Mostly there is none. */
export function mergedSets(view: ProxyView): readonly ServerSet[] {
  return planGateway(view).flatMap((listener) => {
    const name = mergedRouteNameOf(view, listener);
    return name === undefined ? [] : [{ name, servers: listener.servers.map(({ gateway, server }) => [gateway, server] as const) }];
  });
}

/** Every route configuration of the sets that only this proxy has. */
export function mergedRoutes(view: ProxyView): readonly RouteConfiguration[] {
  return mergedSets(view).flatMap((set) => {
    const hosts = serverHosts(view, set).filter((host) => !isWildcard(host));
    return [...hosts.flatMap((host) => hostConfiguration(view, set, host) ?? []), restConfiguration(view, set)];
  });
}

/** Hosts of a set: those that routings serve, and those that are only sent to TLS. */
export function serverHosts(view: ProxyView, { servers }: ServerSet): readonly HostName[] {
  const hosts = new Set<HostName>();
  for (const [gateway, server] of servers) {
    for (const host of view.gatewayHosts(keyOf(gateway), server.index)) {
      const routing = view.gatewayRouting(keyOf(gateway), host, server.index);
      if (routing?.http.some((routes) => hasRoutes(routes, server.port.number)) === true) hosts.add(host);
    }
    if (redirects(server)) for (const { host } of server.hosts) hosts.add(host);
  }
  return [...hosts].sort(compareSpecificity);
}

/** The route configuration of one host of a set; undefined where the set does not have it. */
export function gatewayHost(view: ProxyView, name: string, host: HostName): RouteConfiguration | undefined {
  const set = serverSets(view).find((each) => each.name === name);
  return set === undefined ? undefined : hostConfiguration(view, set, host);
}

/** The route configuration of a set's wildcards. Hosts that nobody knows have none, so they get 404. */
export function gatewayRest(view: ProxyView, name: string): RouteConfiguration {
  return restConfiguration(view, serverSets(view).find((each) => each.name === name) ?? { name, servers: [] });
}

function hostConfiguration(view: ProxyView, set: ServerSet, host: HostName): RouteConfiguration | undefined {
  const content = hostOf(view, set, host);
  return content === undefined ? undefined : routeConfiguration(scopeKey(set.name, host), [content]);
}

function restConfiguration(view: ProxyView, set: ServerSet): RouteConfiguration {
  const hosts = serverHosts(view, set).filter(isWildcard);
  return routeConfiguration(
    scopeKey(set.name, "*"),
    hosts.flatMap((host) => hostOf(view, set, host) ?? []),
  );
}

function hostOf(view: ProxyView, { name, servers }: ServerSet, host: HostName) {
  const [port = 0, ...ports] = new Set(servers.map(([, server]) => server.port.number));
  const objects = new Set<readonly HttpRoute[]>();
  let requireTls = false;
  for (const [gateway, server] of servers) {
    const routing = view.gatewayRouting(keyOf(gateway), host, server.index);
    for (const routes of routing?.http ?? []) objects.add(routes);
    const listed = server.hosts.some((each) => each.host === host);
    if (redirects(server) && (routing !== undefined || listed)) requireTls = true;
  }
  const routes = combinedRoutes(view, [...objects], { port, ports, isTls: name.startsWith("https.") });
  return routes.length === 0 && !requireTls ? undefined : virtualHost(view, { host, port, domains: [host], routes, requireTls });
}

function redirects({ tls }: GatewayServer): boolean {
  return tls?.httpsRedirect === true;
}

function keyOf({ namespace, name }: Gateway): string {
  return `${namespace}/${name}`;
}

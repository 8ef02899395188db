import { covers, type Layer4Match, type ProxyView, type TcpRoute, type TlsRoute } from "../../../../model/index.ts";
import { outboundCluster, sniOf } from "../../cluster-name.ts";
import { gatewayRouteName } from "../../route/route-name.ts";
import { scopedRoutes } from "../../scope/hcm.ts";
import { listenerName } from "../address.ts";
import { networkAuthorization } from "../authorization/index.ts";
import { directAddress } from "../direct-address.ts";
import type { Chain, NetworkFilter } from "../filter-chain.ts";
import { httpConnectionManager } from "../http-connection-manager.ts";
import { MESH_ANY } from "../mesh-tls.ts";
import { withNetworkPlugins } from "../network-plugins.ts";
import { toDestinations, toServiceBySni } from "../tcp-proxy.ts";
import { downstreamTls } from "../tls.ts";
import { type GatewayListener, mergedRouteNameOf, type PlannedServer, serverNames } from "./plan.ts";

/** The filter chains of one server. */
export function serverChains(view: ProxyView, listener: GatewayListener, planned: PlannedServer): readonly Chain[] {
  const { gateway, server } = planned;
  const routeName = mergedRouteNameOf(view, listener) ?? gatewayRouteName(view.client(), gateway, server);
  if (routeName !== undefined) return [httpChain(view, listener, planned, routeName)];
  if (server.tls?.mode === "AUTO_PASSTHROUGH") return sniDnatChains(view, planned);
  if (server.tls?.mode === "PASSTHROUGH") return passthroughChains(view, planned);
  const filters = tcpFilters(view, planned);
  if (filters.length === 0) return [];
  if (server.tls === undefined) return [{ filters }];
  return [{ filters, serverNames: serverNames(server), tls: downstreamTls(view, server.tls) }];
}

function httpChain(view: ProxyView, { binds, port, kind }: GatewayListener, { server }: PlannedServer, routeName: string): Chain {
  const own = [
    directAddress,
    httpConnectionManager(view, {
      side: "gateway",
      statPrefix: kind === "tls" && server.name !== "" ? server.name : `outbound_${listenerName(binds[0], port)}`,
      routes: scopedRoutes(routeName, view.client()),
      port,
      protocol: server.port.protocol === "http3" ? "http" : server.port.protocol,
    }),
  ];
  const filters = withNetworkPlugins(view, "gateway", port, { filters: own });
  if (kind !== "tls" || server.tls === undefined) return { filters };
  return { filters, serverNames: serverNames(server), tls: downstreamTls(view, server.tls) };
}

/**
 * By SNI to the clusters that bear its name, of the services that are in the server's hosts (Istio's `builtAutoPassthroughFilterChains`): the mesh's own TLS, which its ALPN shows, and which the service's own proxy ends. No
 * VirtualService counts.
 */
function sniDnatChains(view: ProxyView, { server }: PlannedServer): readonly Chain[] {
  const services = view
    .hosts()
    .map((host) => view.service(host))
    .filter((service) => service !== undefined)
    .filter(({ location, host }) => location === "internal" && server.hosts.some((each) => covers(each.host, host)));
  return services.flatMap(({ host, ports }) => {
    const subsets = [undefined, ...(view.trafficRules(host)?.subsets ?? []).map(({ name }) => name)];
    return ports
      .filter(({ protocol }) => protocol !== "udp")
      .flatMap(({ number }) =>
        subsets.map((subset) => ({
          serverNames: [sniOf(outboundCluster(host, number, subset))],
          applicationProtocols: MESH_ANY,
          filters: withNetworkPlugins(view, "gateway", server.port.number, {
            authorization: networkAuthorization(view),
            filters: toServiceBySni(view, host, number, subset),
          }),
        })),
      );
  });
}

/** By SNI to where VirtualServices' `tls` says; the handshake is the service's own. */
function passthroughChains(view: ProxyView, planned: PlannedServer): readonly Chain[] {
  const chains: Chain[] = [];
  const seen = new Set<string>();
  for (const route of routesOf(view, planned, "tls")) {
    for (const match of route.match) {
      if (!matches(planned, match) || match.sniHosts.some((name) => seen.has(name))) continue;
      for (const name of match.sniHosts) seen.add(name);
      chains.push({ serverNames: match.sniHosts, filters: filtersOf(view, planned, route) });
    }
  }
  return chains;
}

/** To where the first of VirtualServices' `tcp` for the port says. */
function tcpFilters(view: ProxyView, planned: PlannedServer): readonly NetworkFilter[] {
  const route = routesOf(view, planned, "tcp").find(({ match }) => match.length === 0 || match.some((each) => matches(planned, each)));
  return route === undefined ? [] : filtersOf(view, planned, route);
}

/** Routes of the hosts of a server, each once though several hosts may have it. */
function routesOf<Layer extends "tls" | "tcp">(
  view: ProxyView,
  { gateway, server }: PlannedServer,
  layer: Layer,
): readonly (Layer extends "tls" ? TlsRoute : TcpRoute)[] {
  const name = `${gateway.namespace}/${gateway.name}`;
  const routes = new Map<string, TlsRoute | TcpRoute>();
  for (const host of view.gatewayHosts(name, server.index)) {
    for (const route of view.gatewayRouting(name, host, server.index)?.[layer] ?? []) {
      const { metadata } = route.object;
      const key = JSON.stringify([metadata.namespace, metadata.name, route.path]);
      if (route.route.length > 0 && !routes.has(key)) routes.set(key, route);
    }
  }
  return [...routes.values()] as (Layer extends "tls" ? TlsRoute : TcpRoute)[];
}

function matches({ server }: PlannedServer, { port }: Layer4Match): boolean {
  return port === undefined || port === server.port.number;
}

function filtersOf(
  view: ProxyView,
  { server }: PlannedServer,
  { route, object: { metadata } }: TlsRoute | TcpRoute,
): readonly NetworkFilter[] {
  return withNetworkPlugins(view, "gateway", server.port.number, {
    authorization: networkAuthorization(view),
    filters: toDestinations(view, route, server.port.number, `${metadata.name}.${metadata.namespace}`),
  });
}

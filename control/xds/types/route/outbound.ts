import {
  type Client,
  compareSpecificity,
  covers,
  type HostName,
  isWildcard,
  type ProxyView,
  type Service,
  type SidecarEgress,
} from "../../../model/index.ts";
import { concreteOf } from "../endpoint/alias.ts";
import { allPortsName } from "./all-ports.ts";
import { scopeKey } from "../scope/key.ts";
import { catchAll } from "./catch-all.ts";
import { type RouteConfiguration, routeConfiguration, virtualHost } from "./configuration.ts";
import { callableNames, isRouted, namesOf, serviceDomains, withDot } from "./domains.ts";
import { sniffedRouteName } from "./route-name.ts";
import type { Route } from "./route.ts";
import { defaultRoute, hasRoutes, routesOf } from "./routes.ts";

/** Port of hosts that only a VirtualService knows. */
const PORT_OF_UNKNOWN = 80;

/** What a sidecar routes by host, on one port. */
export interface OutboundPort {
  readonly port: number;
  /** Services that speak HTTP there, or may. */
  readonly services: readonly Service[];
  /** Hosts that only routings know. */
  readonly routed: readonly HostName[];
  /** Other names of services (Kubernetes' ExternalName), by the service's host: they have its routes. One that a VirtualService speaks of is a service by itself. */
  readonly aliases: ReadonlyMap<HostName, readonly Service[]>;
}

/** Whether a listener lets a service in on one of its ports. */
type Imported = (service: Service, port: number) => boolean;

/**
 * Every port on which a sidecar routes by host.
 *
 * @param imported which services there are on it. Default: as its Sidecar says of the listener of each port
 */
export function outboundPorts(view: ProxyView, imported: Imported = byListeners(view)): readonly OutboundPort[] {
  const ports = new Map<number, { services: Service[]; routed: HostName[] }>();
  const at = (port: number) => {
    let found = ports.get(port);
    if (found === undefined) ports.set(port, (found = { services: [], routed: [] }));
    return found;
  };
  const named: (readonly [alias: Service, concrete: Service])[] = [];
  for (const host of view.hosts()) {
    const service = view.service(host);
    const concrete = service === undefined ? undefined : concreteOf(view, service);
    if (service !== undefined && concrete !== undefined) named.push([service, concrete]);
    for (const port of service?.ports ?? []) {
      if (service !== undefined && isRouted(port) && imported(service, port.number)) at(port.number).services.push(service);
    }
  }
  for (const host of view.routedHosts()) for (const port of portsOfRouted(view, host)) at(port).routed.push(host);
  return [...ports].map(([port, found]) => withAliases(view, { port, ...found }, named, imported)).sort((a, b) => a.port - b.port);
}

function withAliases(
  view: ProxyView,
  found: Omit<OutboundPort, "aliases">,
  named: readonly (readonly [alias: Service, concrete: Service])[],
  imported: Imported,
): OutboundPort {
  const { port, services } = found;
  const aliases = new Map<HostName, Service[]>();
  const taken = new Set<Service>();
  for (const [alias, concrete] of named) {
    if (!services.includes(concrete) || !imported(alias, port)) continue;
    if (services.includes(alias) && hasRoutes(view.routing(alias.host)?.http ?? [], port)) continue;
    aliases.set(concrete.host, [...(aliases.get(concrete.host) ?? []), alias]);
    taken.add(alias);
  }
  return { ...found, services: services.filter((service) => !taken.has(service)), aliases };
}

/** A host that is no service is served on the ports of the services that its routing names beside it, and where there is none (and always there) on 80. */
function portsOfRouted(view: ProxyView, host: HostName): readonly number[] {
  const routing = view.routing(host);
  const ports = new Set<number>();
  for (const beside of routing?.hosts ?? []) {
    for (const port of view.service(beside)?.ports ?? []) if (isRouted(port)) ports.add(port.number);
  }
  return [...ports.add(PORT_OF_UNKNOWN)].filter((port) => hasRoutes(routing?.http ?? [], port));
}

/** A port that a Sidecar lists has the hosts of that listener; the others have those of its listener without a port. Listeners for all ports at once have routes of their own. */
function byListeners(view: ProxyView): Imported {
  const egress = view.sidecar()?.egress ?? [];
  if (egress.length === 0) return () => true;
  const client = view.client();
  const plain = egress.filter((each) => allPortsName(each) === undefined);
  const rest = plain.filter((each) => each.port === undefined);
  return (service, port) => {
    const listed = plain.filter((each) => each.port?.number === port);
    return importedBy(listed.length > 0 ? listed : rest, service, client);
  };
}

/** Whether some listener of a Sidecar lets a service in. */
export function importedBy(listeners: readonly Pick<SidecarEgress, "hosts">[], { host, namespace }: Service, client: Client): boolean {
  return listeners.some(({ hosts }) =>
    hosts.some((each) => {
      const from = each.namespace === "." ? client.namespace : each.namespace;
      return (from === "*" || from === namespace) && (covers(each.host, host) || covers(host, each.host));
    }),
  );
}

/** The route configuration of one host; undefined where nothing routes to it. */
export function outboundHost(view: ProxyView, port: number, host: HostName, aliases: readonly HostName[]): RouteConfiguration | undefined {
  const service = view.service(host);
  const routes = hostRoutes(view, port, host, service);
  if (routes.length === 0) return undefined;
  const domains = service === undefined ? [host] : new Set([...serviceDomains(service), ...aliases.flatMap(namesOf)]);
  return routeConfiguration(scopeKey(`${port}`, host), [virtualHost(view, { host, port, domains: [...domains], routes })]);
}

/** That of a service alone, whatever the host of the request: the listener is of its address. */
export function sniffedHost(view: ProxyView, port: number, host: HostName): RouteConfiguration {
  const routes = hostRoutes(view, port, host, view.service(host));
  return routeConfiguration(sniffedRouteName(host, port), [virtualHost(view, { host, port, domains: ["*"], routes })]);
}

/** A host that stands for more than itself, with its domains. */
export type Wildcard = readonly [host: HostName, domains: readonly string[]];

/** The wildcards of a port, the most specific first; of two with a domain it is the first one's. */
export function wildcardsOf(view: ProxyView, { services, routed }: OutboundPort): readonly Wildcard[] {
  const taken = new Set<string>();
  return [
    ...services.map((service): Wildcard => [service.host, wildcardDomains(view, service)]),
    ...routed.filter(isWildcard).map((host): Wildcard => [host, [host]]),
  ]
    .sort(([a], [b]) => compareSpecificity(a, b))
    .map(([host, domains]): Wildcard => [host, domains.filter((domain) => !taken.has(domain) && taken.add(domain))])
    .filter(([, domains]) => domains.length > 0);
}

/** The route configuration of all wildcards on a port and, behind them, of every host that the mesh does not know. */
export function outboundRest(view: ProxyView, port: number, wildcards: readonly Wildcard[]): RouteConfiguration {
  const hosts = wildcards.flatMap(([host, domains]) => {
    const routes = hostRoutes(view, port, host, view.service(host));
    return routes.length === 0 ? [] : [virtualHost(view, { host, port, domains, routes })];
  });
  const isWhole = hosts.some(({ domains = [] }) => domains.includes("*"));
  return routeConfiguration(scopeKey(`${port}`, "*"), isWhole ? hosts : [...hosts, catchAll(view)]);
}

/** Wildcards by which a service is called: its own, and those of a headless service's workloads (`reviews-0.reviews.default.svc.cluster.local`). */
function wildcardDomains(view: ProxyView, service: Service): readonly string[] {
  const { host, headless } = service;
  if (isWildcard(host)) return [host, ...withDot(host)];
  return headless ? [...callableNames(view, service, () => false), ...withDot(host)].map((name) => `*.${name}`) : [];
}

/** Routes to a host on a port: its routing's, else the service's own; none where there is neither. */
export function hostRoutes(view: ProxyView, port: number, host: HostName, service: Service | undefined): readonly Route[] {
  const routes = routesOf(view, view.routing(host)?.http ?? [], { port, isTls: false });
  if (routes.length > 0) return routes;
  return service?.ports.some((each) => each.number === port && isRouted(each)) === true ? [defaultRoute(view, host, port)] : [];
}

import { compareSpecificity, type ProxyView, type SidecarEgress } from "../../../model/index.ts";
import { allPortsName, HTTP_PROXY } from "./all-ports.ts";
import { catchAll } from "./catch-all.ts";
import { type RouteConfiguration, routeConfiguration, virtualHost } from "./configuration.ts";
import { namesOf, serviceDomains } from "./domains.ts";
import { hostRoutes, importedBy, outboundPorts } from "./outbound.ts";

/** Listeners that stand for all ports at once, by the names of their route configurations: sockets of the file system, and HTTP proxies. */
export function sockets(view: ProxyView): ReadonlyMap<string, readonly Pick<SidecarEgress, "hosts">[]> {
  const listeners = new Map<string, Pick<SidecarEgress, "hosts">[]>();
  for (const egress of view.sidecar()?.egress ?? []) {
    const name = allPortsName(egress);
    if (name !== undefined) listeners.set(name, [...(listeners.get(name) ?? []), egress]);
  }
  if (view.settings().proxyHttpPort !== 0) listeners.set(HTTP_PROXY, [EVERYTHING]);
  return listeners;
}

const EVERYTHING: Pick<SidecarEgress, "hosts"> = { hosts: [{ namespace: "*", host: "*" }] };

/**
 * The route configuration of such a listener. Clients name the port with the host (`reviews:9080`); without one they mean 80 (Istio's `mergeAllVirtualHosts`).
 */
export function socketRoutes(view: ProxyView, name: string): RouteConfiguration {
  const egress = sockets(view).get(name) ?? [];
  const taken = new Set<string>();
  const hosts = outboundPorts(view, (service) => importedBy(egress, service, view.client())).flatMap(
    ({ port, services, routed, aliases }) =>
      [...services.map((service) => [service.host, service] as const), ...routed.map((host) => [host, undefined] as const)]
        .sort(([a], [b]) => compareSpecificity(a, b))
        .flatMap(([host, service]) => {
          const others = (aliases.get(host) ?? []).flatMap((alias) => namesOf(alias.host));
          const names = service === undefined ? [host] : [...serviceDomains(service), ...others];
          const domains = names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
          const free = [...new Set(domains)].filter((domain) => !taken.has(domain) && taken.add(domain));
          const routes = hostRoutes(view, port, host, service);
          return routes.length === 0 || free.length === 0 ? [] : [virtualHost(view, { host, port, domains: free, routes })];
        }),
  );
  return { ...routeConfiguration(name, [...hosts, ...(taken.has("*") ? [] : [catchAll(view)])]), ignorePortInHostMatching: false };
}

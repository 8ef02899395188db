import { compareSpecificity, type ProxyView, type SidecarEgress } from "../../../model/index.ts";
import { catchAll } from "./catch-all.ts";
import { type RouteConfiguration, routeConfiguration, virtualHost } from "./configuration.ts";
import { namesOf, serviceDomains } from "./domains.ts";
import { hostRoutes, importedBy, outboundPorts } from "./outbound.ts";

/** The route configuration of MeshConfig's `proxyHttpPort` (Istio's `RDSHttpProxy`). */
export const HTTP_PROXY = "http_proxy";

/** Listeners that stand for all ports at once, because theirs says nothing: sockets of the file system, and HTTP proxies. */
export function sockets(view: ProxyView): readonly SidecarEgress[] {
  const sockets = (view.sidecar()?.egress ?? []).filter(({ bind }) => bind?.startsWith("unix://") === true);
  if (view.settings().proxyHttpPort === 0) return sockets;
  return [...sockets, { port: undefined, bind: HTTP_PROXY, captureMode: "NONE", hosts: [{ namespace: "*", host: "*" }] }];
}

/**
 * The route configuration of such a listener. Clients name the port with the host (`reviews:9080`); without one they mean 80 (Istio's `mergeAllVirtualHosts`).
 */
export function socketRoutes(view: ProxyView, bind: string): RouteConfiguration {
  const egress = sockets(view).filter((each) => each.bind === bind);
  const taken = new Set<string>();
  const hosts = outboundPorts(view).flatMap(({ port, services, routed, aliases }) =>
    [
      ...services.filter((service) => importedBy(egress, service, view.client())).map((service) => [service.host, service] as const),
      ...routed.map((host) => [host, undefined] as const),
    ]
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
  return { ...routeConfiguration(bind, [...hosts, ...(taken.has("*") ? [] : [catchAll(view)])]), ignorePortInHostMatching: false };
}

import type { HostName, ProxyView, Service, ServicePort } from "../../../model/index.ts";

/** Where the endpoints of a service's port come from. */
export interface Source {
  readonly service: Service;
  /** Undefined where the service has no such port. */
  readonly port: ServicePort | undefined;
}

/**
 * A Kubernetes Service of type ExternalName that names a service of the mesh is another name of it (Istio's alias): its endpoints are known, and nobody has to ask DNS for them. Any other service
 * is its own source.
 */
export function sourceOf(view: ProxyView, service: Service, port: ServicePort): Source {
  const named = namedBy(view, service);
  return named === undefined ? { service, port } : { service: named, port: named.ports.find(({ number }) => number === port.number) };
}

/** The service that an alias stands for in the end, where it names another alias (Istio's `resolveServiceAliases`). Undefined of services that are none, and of those that name each other. */
export function concreteOf(view: ProxyView, alias: Service): Service | undefined {
  const seen = new Set<Service>([alias]);
  let found = namedBy(view, alias);
  for (let next = found; next !== undefined; next = namedBy(view, next)) {
    if (seen.has(next)) return undefined;
    seen.add(next);
    found = next;
  }
  return found;
}

/** The host that a destination means: another name of a service means that service (Istio's `GetDestinationCluster`). */
export function meantHost(view: ProxyView, host: HostName): HostName {
  const service = view.service(host);
  return (service === undefined ? undefined : concreteOf(view, service))?.host ?? host;
}

function namedBy(view: ProxyView, service: Service): Service | undefined {
  const [external, ...others] = service.endpoints;
  if (service.object.kind !== "Service" || service.resolution !== "dns" || external === undefined || others.length > 0) return undefined;
  const named = view.service(external.address);
  return named?.host === service.host ? undefined : named;
}

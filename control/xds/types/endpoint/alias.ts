import type { ProxyView, Service, ServicePort } from "../../../model/index.ts";

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
  const [external, ...others] = service.endpoints;
  if (service.object.kind !== "Service" || service.resolution !== "dns" || external === undefined || others.length > 0)
    return { service, port };
  const named = view.service(external.address);
  if (named === undefined || named.host === service.host) return { service, port };
  return { service: named, port: named.ports.find(({ number }) => number === port.number) };
}

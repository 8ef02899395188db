import { isIP, isIPv6 } from "node:net";
import { type HostName, isHttp, isWildcard, type ProxyView, type Service, type ServicePort } from "../../../model/index.ts";

/** Whether requests on a port may be routed by host: it speaks HTTP, or may. */
export function isRouted({ protocol }: ServicePort): boolean {
  return isHttp(protocol) || protocol === "auto";
}

/**
 * Every host by which some client of the mesh may call a service; ports are ignored (`ignore_port_in_host_matching`). Short names are those of all namespaces, so that the route configuration is the same
 * for all: whether a client may use them is decided by its scopes. Only the full name may end with a dot, as in Istio (`PILOT_ENABLE_ABSOLUTE_FQDN_VHOST_DOMAIN`).
 */
export function serviceDomains(service: Service): readonly string[] {
  return [...namesOf(service.host), ...addressDomains(service)];
}

/** Every name that a host has for some client. */
export function namesOf(host: HostName): readonly string[] {
  return [host, ...withDot(host), ...shortNames(host)];
}

/** `reviews.default.svc.cluster.local.`, `*.example.com.`: an absolute name; none of an address. */
export function withDot(host: HostName): readonly string[] {
  return host === "*" || isIP(host) !== 0 ? [] : [`${host}.`];
}

/** Virtual addresses as they stand in a request; ranges cannot. */
export function addressDomains({ addresses }: Service): readonly string[] {
  return addresses
    .filter((address) => address !== "0.0.0.0" && address !== "::")
    .map((address) => address.replace(/\/(32|128)$/, ""))
    .filter((address) => !address.includes("/"))
    .map((address) => (isIPv6(address) ? `[${address.toLowerCase()}]` : address));
}

/** `reviews`, `reviews.default`, `reviews.default.svc` of `reviews.default.svc.cluster.local`, whoever gave it that name. */
function shortNames(host: HostName): readonly string[] {
  const svc = host.indexOf(".svc.");
  const dot = host.indexOf(".");
  if (svc < 0 || dot >= svc || isWildcard(host)) return [];
  return [host.slice(0, dot), host.slice(0, svc), `${host.slice(0, svc)}.svc`];
}

/**
 * The names by which a proxy's workload may call a service: its host, and where both are of one cluster the short forms, the shortest within the namespace only (Istio's `GenerateAltVirtualHosts`).
 * A short form that is the full name of another service or routing is that one's.
 */
export function callableNames(view: ProxyView, { host }: Service, isTaken: (name: HostName) => boolean): readonly string[] {
  const [own, suffix] = splitDomain(view.client().dnsDomain);
  const [shortest, middle, ...more] = shortNames(host);
  if (shortest === undefined || middle === undefined || suffix === undefined || !host.endsWith(suffix)) return [host];
  const isNeighbour = middle === `${shortest}.${own}`;
  return [host, ...(isNeighbour ? [shortest] : []), middle, ...more].filter((name) => name === host || !isTaken(name));
}

/** `default.svc.cluster.local`: the namespace, and the end that hosts of the same cluster have. */
function splitDomain(dnsDomain: string): readonly [namespace: string, suffix: string | undefined] {
  const at = dnsDomain.indexOf(".svc.");
  return at < 0 ? ["", undefined] : [dnsDomain.slice(0, at), dnsDomain.slice(at)];
}

import { type HostName, type HttpRoute, mirrorsOf, type Routing } from "../model/index.ts";

/** Hosts of every service that the routes send to. */
export function destinationHosts({
  http,
  tls,
  tcp,
}: Pick<Routing, "tls" | "tcp"> & { readonly http: readonly HttpRoute[] }): Set<HostName> {
  const hosts = new Set<HostName>();
  for (const { route } of [...http, ...tls, ...tcp]) for (const { destination } of route) hosts.add(destination.host);
  for (const route of http) for (const { destination } of mirrorsOf(route)) hosts.add(destination.host);
  return hosts;
}

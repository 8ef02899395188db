import type { MeshView } from "../model/index.ts";
import type { Located } from "./document.ts";

/** Time for an issuer's answer where the rule says none (RequestAuthentication's `timeout`). */
const TIMEOUT = 5_000;
/** A rule can ask for less than that, and for more up to here. */
const LONGEST_TIMEOUT = 30_000;

/** The issuers that objects of the mesh want asked, each with the milliseconds that it has to answer. */
export function discoveredIssuers(mesh: Pick<MeshView, "policies">): ReadonlyMap<string, number> {
  const issuers = new Map<string, number>();
  for (const { rules } of mesh.policies("RequestAuthentication"))
    for (const { keys, timeout = TIMEOUT } of rules)
      if ("discovery" in keys && isUrl(keys.discovery)) issuers.set(keys.discovery, Math.min(timeout, LONGEST_TIMEOUT));
  return issuers;
}

function isUrl(issuer: string): boolean {
  return /^https?:\/\//i.test(issuer) && URL.canParse(issuer);
}

/** Where the mesh says that a host listens: DNS may not know the services of the mesh. */
export function locate(mesh: Pick<MeshView, "servicesOf" | "endpointsOf">, host: string, port: number): Located | undefined {
  for (const service of mesh.servicesOf(host)) {
    const name = service.ports.find(({ number }) => number === port)?.name;
    if (name === undefined) continue;
    const endpoints = mesh.endpointsOf(service).filter(({ address, ports }) => !address.startsWith("unix://") && ports[name] !== undefined);
    const endpoint = endpoints.find(({ health }) => health === "healthy") ?? endpoints[0];
    if (endpoint !== undefined) return { address: endpoint.address, port: endpoint.ports[name] ?? port };
  }
  return undefined;
}

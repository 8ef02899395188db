import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import type { Json } from "./json.ts";

/** The end of the SPIFFE id that a control service has in certificates of its own mesh, in whatever trust domain: that of istiod. */
export const CONTROL_IDENTITY = "/ns/istio-system/sa/istiod";

/** Whether a name stands in a certificate as a URI. */
export function isSpiffeId(name: string): boolean {
  return name.startsWith("spiffe://");
}

/**
 * What Envoy looks for in the control service's certificate; any of these will do.
 *
 * @param name what was given: a host name, an address or a SPIFFE id
 * @param ofMesh whether it may be {@link CONTROL_IDENTITY} where no name was given: the authority of the mesh gives that to nobody else
 */
export function controlNameMatchers(name: string | undefined, host: string, ofMesh: boolean): readonly Json[] {
  const given = name ?? host;
  const type = isSpiffeId(given) ? "URI" : isIP(given) === 0 ? "DNS" : "IP_ADDRESS";
  const own = { san_type: type, matcher: { exact: given } };
  return name === undefined && ofMesh ? [own, { san_type: "URI", matcher: { suffix: CONTROL_IDENTITY } }] : [own];
}

/** The same for a connection of Node, whose chain is good: an error where the certificate is not the control service's. */
export function checkControlName(shown: PeerCertificate, name: string | undefined, host: string): Error | undefined {
  const uris = (shown.subjectaltname ?? "").split(", ").flatMap((each) => (each.startsWith("URI:") ? [each.slice(4)] : []));
  if (name !== undefined && isSpiffeId(name))
    return uris.includes(name) ? undefined : new Error(`the certificate is not for ${name} but for ${uris.join(", ") || "no SPIFFE id"}`);
  if (name === undefined && uris.some((uri) => isSpiffeId(uri) && uri.endsWith(CONTROL_IDENTITY))) return undefined;
  return checkServerIdentity(name ?? host, shown);
}

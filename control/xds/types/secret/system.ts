import { getCACertificates, rootCertificates } from "node:tls";

let authorities: string | undefined;

/**
 * The authorities that the machine of this service trusts, or those of Mozilla's list where it has none. Envoy has no word for its own system's (`system_root_certs` of its API is for gRPC: Envoy
 * takes it and checks nothing), and where they are in a file the name of the file differs from one system to the next; so they are sent.
 */
export function systemAuthorities(): string {
  if (authorities === undefined) {
    const own = getCACertificates("system");
    authorities = [...new Set((own.length > 0 ? own : rootCertificates).map((pem) => pem.trim()))].join("\n");
  }
  return authorities;
}

import { type Identity, parseSpiffeId } from "../spiffe/index.ts";
import type { Certificate } from "./certificate.ts";

/**
 * Whom a workload's certificate is for. It has exactly one name, a URI (X509-SVID 2): with another beside it, two peers could see two workloads in it.
 *
 * @returns what is wrong, as a text, where it is for no workload
 */
export function certificateIdentity({ names }: Pick<Certificate, "names">): Identity | string {
  const [name, ...others] = names;
  if (name === undefined) return "the certificate has no name (SubjectAltName); a workload's has one URI, its SPIFFE id";
  if (others.length > 0) return `the certificate has ${names.length} names; a workload's has one, its SPIFFE id`;
  if (name.type !== "url") return `the certificate's name is of type ${name.type}; a workload's is a URI, its SPIFFE id`;
  return parseSpiffeId(name.value);
}

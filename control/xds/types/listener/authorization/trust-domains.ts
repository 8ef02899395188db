import type { MeshSettings } from "../../../../model/index.ts";

/** Stands for the mesh's own, whatever that is. */
const DEFAULT = "cluster.local";

/**
 * The principals that one of a policy stands for, at least itself: the mesh's trust domain and its aliases mean the same (Istio's `ReplaceTrustDomainAliases`; `filters/authorization` does the same for requests).
 */
export function principalsOf({ trustDomain, trustDomainAliases }: MeshSettings, principal: string): readonly string[] {
  const domains = [...new Set([trustDomain, ...trustDomainAliases])];
  const [domain = "", ns, , sa, account, more] = principal.split("/");
  // What is no whole TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT, and a star for any trust domain, is left as it is.
  if (ns !== "ns" || sa !== "sa" || account === undefined || more !== undefined || domain === "*") return [principal];
  const isOurs = domain === DEFAULT || domains.some((each) => (domain.startsWith("*") ? each.endsWith(domain.slice(1)) : each === domain));
  if (!isOurs) return [principal];
  const rest = principal.slice(domain.length);
  return [...(domain.startsWith("*") ? [principal] : []), ...domains.map((each) => `${each}${rest}`)];
}

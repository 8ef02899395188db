import { type Endpoint, type Identities, type MeshSettings, type Service, SPIFFE, spiffeId } from "../model/index.ts";

/**
 * Whom a client may find behind a service: the ids of its endpoints' accounts, in every name of the trust domain (Istio's `ServiceAccounts` and `ExpandWithTrustDomains`), and the names that a
 * ServiceEntry lists. Where the account of an endpoint is not known, Istio looks at no name any more; here it is any account of the namespace, or of the mesh for what a ServiceEntry lists, which may
 * run in any namespace.
 */
export function identitiesOf(service: Service, endpoints: readonly Endpoint[], settings: Settings): Identities {
  const domains = [settings.trustDomain, ...settings.trustDomainAliases];
  const exact = new Set(service.subjectAltNames.flatMap((name) => [name, ...aliasesOf(name, settings)]));
  const prefixes = new Set<string>();
  for (const { namespace, serviceAccount } of endpoints) {
    for (const domain of domains) {
      if (serviceAccount !== "") exact.add(spiffeId(domain, namespace, serviceAccount));
      else prefixes.add(service.object.kind === "ServiceEntry" ? `${SPIFFE}${domain}/` : `${SPIFFE}${domain}/ns/${namespace}/sa/`);
    }
  }
  // Names that are written down are meant to be all.
  return { exact: [...exact].sort(), prefixes: service.subjectAltNames.length > 0 ? [] : [...prefixes].sort() };
}

type Settings = Pick<MeshSettings, "trustDomain" | "trustDomainAliases">;

function aliasesOf(name: string, { trustDomainAliases }: Settings): readonly string[] {
  const rest = /^spiffe:\/\/[^/]+(\/ns\/[^/]+\/sa\/[^/]+)$/.exec(name)?.[1];
  return rest === undefined ? [] : trustDomainAliases.map((domain) => `${SPIFFE}${domain}${rest}`);
}

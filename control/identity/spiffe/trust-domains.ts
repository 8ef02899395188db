import type { Identity } from "./spiffe-id.ts";

/** The names of a mesh, as MeshConfig's `trustDomain` and `trustDomainAliases` have them. */
export interface TrustDomains {
  /** What identities are issued in. */
  readonly trustDomain: string;
  /** Former names, or those of meshes that were joined: their identities are taken for the same ones here. */
  readonly trustDomainAliases: readonly string[];
}

/** The identity under the mesh's own name; undefined where its trust domain is neither that nor an alias. */
export function inTrustDomain(identity: Identity, { trustDomain, trustDomainAliases }: TrustDomains): Identity | undefined {
  if (identity.trustDomain === trustDomain) return identity;
  return trustDomainAliases.includes(identity.trustDomain) ? { ...identity, trustDomain } : undefined;
}

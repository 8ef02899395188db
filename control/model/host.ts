/** A host name of the mesh: lower case, no trailing dot, no port; `*.example.com` and `*` are wildcards. */
export type HostName = string;

export function isWildcard(host: HostName): boolean {
  return host.startsWith("*");
}

/** Whether every name that `inner` stands for is one that `outer` stands for: `*.com` covers `*.example.com` and `a.com`, and itself. */
export function covers(outer: HostName, inner: HostName): boolean {
  if (outer === inner) return true;
  if (!isWildcard(outer)) return false;
  const suffix = outer.slice(1);
  return isWildcard(inner) ? inner.slice(1).endsWith(suffix) : inner.length > suffix.length && inner.endsWith(suffix);
}

/** Whether some name is meant by both. */
export function overlaps(a: HostName, b: HostName): boolean {
  return covers(a, b) || covers(b, a);
}

/** The order in which patterns are tried: exact names, then wildcards, the longest first. */
export function compareSpecificity(a: HostName, b: HostName): number {
  return Number(isWildcard(a)) - Number(isWildcard(b)) || b.length - a.length || (a < b ? -1 : a > b ? 1 : 0);
}

/**
 * A host as an object of `namespace` writes it, in full: a short name without a dot is that of a service in the object's namespace
 * (`reviews` in `default`: `reviews.default.svc.cluster.local`), as Istio's `ResolveShortnameToFQDN` has it.
 */
export function fullHost(host: string, namespace: string, domainSuffix: string): HostName {
  const lower = host.toLowerCase();
  return lower.includes(".") || isWildcard(lower) || lower === "" ? lower : `${lower}.${namespace}.svc.${domainSuffix}`;
}

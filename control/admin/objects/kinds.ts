/** What `kubectl` knows kinds by beside their names, from the definitions of Istio and Kubernetes. */
const SHORT: Readonly<Record<string, string>> = {
  ap: "AuthorizationPolicy",
  dr: "DestinationRule",
  ep: "Endpoints",
  gw: "Gateway",
  pa: "PeerAuthentication",
  po: "Pod",
  ra: "RequestAuthentication",
  se: "ServiceEntry",
  svc: "Service",
  telemetry: "Telemetry",
  vs: "VirtualService",
  we: "WorkloadEntry",
  wg: "WorkloadGroup",
};

/** The kind that a name means, in any case, singular or plural, or short; undefined where there is none. */
export function kindNamed(name: string, kinds: readonly string[]): string | undefined {
  const lower = name.toLowerCase();
  const short = SHORT[lower];
  if (short !== undefined && kinds.includes(short)) return short;
  return kinds.find((kind) => {
    const singular = kind.toLowerCase();
    const plurals = [`${singular}s`, `${singular}es`, singular.replace(/y$/, "ies")];
    return lower === singular || plurals.includes(lower);
  });
}

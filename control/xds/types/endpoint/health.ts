import { type Endpoint, formatHostAddress, type HostMark, type OutlierDetection } from "../../../model/index.ts";

/** Endpoints with the weights that they have now, and those that are out, by `ip:port`. */
export interface Judged {
  readonly endpoints: readonly Endpoint[];
  readonly out: ReadonlySet<string>;
}

/** Weights are whole numbers, 1 mostly: a tenth of one can be said where all others are ten times as much. */
const SCALE = 10;
/** Envoy's, and Istio's, where a DestinationRule does not say. */
const MAX_EJECTION_PERCENT = 10;

/**
 * What mesh-wide health found out, for one cluster of one client: with the limits of the very DestinationRule that holds for it, of all endpoints that the cluster has. Who asks for no outlier
 * detection has none of it. Those that are out for longest stay out where not all may be.
 *
 * @param port the name of the service's port
 * @param marks of that port
 */
export function judge(
  endpoints: readonly Endpoint[],
  port: string,
  marks: readonly HostMark[],
  outlier: Pick<OutlierDetection, "maxEjectionPercent" | "minHealthPercent"> | undefined,
): Judged {
  if (marks.length === 0 || outlier === undefined) return { endpoints, out: NONE };
  const byAddress = Map.groupBy(endpoints, (endpoint) => hostAddress(endpoint, port));
  const marked = marks.flatMap(({ address, share }) => (byAddress.get(address) ?? []).map((endpoint) => ({ endpoint, share })));
  const healthy = endpoints.filter(({ health }) => health === "healthy").length;
  const { maxEjectionPercent = MAX_EJECTION_PERCENT, minHealthPercent = 0 } = outlier;
  const left = Math.max(1, Math.ceil((endpoints.length * minHealthPercent) / 100));
  const most = Math.max(0, Math.min(Math.floor((endpoints.length * maxEjectionPercent) / 100), healthy - left));
  const isOut = marked.filter(({ endpoint, share }) => share === 0 && endpoint.health === "healthy").slice(0, most);
  const out = new Set(isOut.map(({ endpoint }) => hostAddress(endpoint, port)));
  const shares = new Map(marked.filter(({ share }) => share > 0).map(({ endpoint, share }) => [endpoint, share]));
  if (shares.size === 0) return { endpoints, out };
  const weighted = endpoints.map((endpoint) => {
    const share = shares.get(endpoint) ?? 100;
    return { ...endpoint, weight: Math.max(1, Math.round((endpoint.weight * SCALE * share) / 100)) };
  });
  return { endpoints: weighted, out };
}

/** As marks have it. Several endpoints may have one IP. */
export function hostAddress({ address, ports }: Pick<Endpoint, "address" | "ports">, port: string): string {
  return formatHostAddress(address, ports[port] ?? 0);
}

const NONE: ReadonlySet<string> = new Set();

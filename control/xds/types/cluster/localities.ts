import type { EffectivePolicy, LocalityLoadBalancing, MeshSettings, Service } from "../../../model/index.ts";

/** How localities count for a cluster, or undefined where they do not. */
export interface Localities {
  readonly setting: LocalityLoadBalancing;
  /** Whether endpoints that are far are kept for the time when those that are near fail. */
  readonly failover: boolean;
}

const REGION = "topology.kubernetes.io/region";
const ZONE = "topology.kubernetes.io/zone";
const NETWORK = "topology.istio.io/network";
const SUBZONE = "topology.istio.io/subzone";
export const NODE = "kubernetes.io/hostname";

/**
 * The rule's setting, else the service's `trafficDistribution`, else the mesh's (Istio's `GetEffectiveLbSetting`). Without outlier detection Envoy would never find out that an endpoint fails, so failover needs
 * it, but for what a service prefers by itself.
 */
export function localitiesOf(
  policy: EffectivePolicy,
  service: Pick<Service, "preference">,
  settings: Pick<MeshSettings, "localityLbSetting">,
): Localities | undefined {
  const own = policy.loadBalancer?.locality;
  const failover = policy.outlierDetection !== undefined;
  if (own !== undefined) return own.enabled === false ? undefined : { setting: own, failover };
  if (service.preference !== "none") {
    const failoverPriority = service.preference === "zone" ? [NETWORK, REGION, ZONE] : [NETWORK, REGION, ZONE, SUBZONE, NODE];
    return { setting: { enabled: true, distribute: [], failover: [], failoverPriority }, failover: true };
  }
  const mesh = settings.localityLbSetting;
  return mesh.enabled === false ? undefined : { setting: mesh, failover };
}

/** Whether shares by locality, or priorities that were asked for, are given with the endpoints (Istio's `ApplyToCluster`). */
export function weighsLocalities(localities: Localities | undefined): boolean {
  if (localities === undefined) return false;
  const { distribute, failover, failoverPriority } = localities.setting;
  return distribute.length > 0 || (localities.failover && (failover.length > 0 || failoverPriority.length > 0));
}

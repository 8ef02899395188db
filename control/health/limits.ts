import type { HealthLimits, KnownHost } from "../model/index.ts";

/**
 * How many hosts of a service may be out by the mesh's word: a share of all of them, as Envoy counts it (rounded down, so that of three none is with 10 per cent), and never so many that fewer than
 * `minHealthPercent`, or none at all, are left. Where all fail, it is hardly the hosts.
 *
 * @param hosts all that the mesh knows
 */
export function mayBeOut(
  hosts: readonly KnownHost[],
  { maxEjectionPercent, minHealthPercent }: Pick<HealthLimits, "maxEjectionPercent" | "minHealthPercent">,
): number {
  const healthy = hosts.filter((host) => host.healthy).length;
  const left = Math.max(1, Math.ceil((hosts.length * minHealthPercent) / 100));
  return Math.max(0, Math.min(Math.floor((hosts.length * maxEjectionPercent) / 100), healthy - left));
}

import { type FieldType, map, object, optional, text } from "../fields/index.ts";
import type { Labels } from "../labels.ts";
import { wrongLabelKey, wrongLabelValue } from "./names.ts";

/** Labels as Kubernetes allows them. */
export const labels: FieldType<Labels> = map(text({ empty: true, check: wrongLabelValue }), { key: wrongLabelKey });

const selectorText = text({
  empty: true,
  check: (value) => (value.includes("*") ? "wildcards are not supported in selectors" : undefined),
});

/** Labels to select by: no wildcards (Istio's `validateWorkloadSelector`). */
export const selectorLabels: FieldType<Labels> = map(selectorText, {
  key: (key) =>
    key === "" ? "an empty key is not supported in selectors" : key.includes("*") ? "wildcards are not supported in selectors" : undefined,
});

/** `istio.networking.v1alpha3.WorkloadSelector`: of Sidecar, ServiceEntry, EnvoyFilter. */
export const workloadSelector = object({
  labels: optional(selectorLabels, "Labels that a workload must have; without any, every workload of the namespace."),
});

/** `istio.type.v1beta1.WorkloadSelector`: of DestinationRule, ProxyConfig and the policies. */
export const typedWorkloadSelector = object({
  matchLabels: optional(selectorLabels, "Labels that a workload must have; without any, every workload of the namespace."),
});

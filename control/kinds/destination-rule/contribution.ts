import { type Contribution, fullHost, type MeshObject, type MeshSettings } from "../../model/index.ts";
import { exportedTo } from "../../model/parts/index.ts";
import type { DestinationRuleSpec } from "./fields.ts";
import { trafficPolicyOf } from "./policy.ts";

export function contribute(object: MeshObject<DestinationRuleSpec>, settings: MeshSettings): Contribution {
  const { metadata, spec } = object;
  const { namespace } = metadata;
  // A rule that selects clients holds in its own namespace alone (Istio's `validateExportTo`).
  const byDefault = spec.workloadSelector === undefined ? settings.defaultDestinationRuleExportTo : ["."];
  return {
    trafficRules: [
      {
        host: fullHost(spec.host.replace(/(?<=.)\.$/, ""), namespace, settings.domainSuffix),
        exportTo: exportedTo(spec.exportTo, byDefault),
        workloadSelector: spec.workloadSelector === undefined ? undefined : (spec.workloadSelector.matchLabels ?? {}),
        subsets: spec.subsets.map(({ name, labels, trafficPolicy }) => ({ name, labels, policy: trafficPolicyOf(trafficPolicy) })),
        policy: trafficPolicyOf(spec.trafficPolicy),
        object,
      },
    ],
  };
}

import type { Kind } from "../../model/index.ts";
import { check, checkInMesh } from "./check.ts";
import { fields, type WorkloadGroupSpec } from "./fields.ts";

export type { Probe, WorkloadGroupSpec } from "./fields.ts";

/** What proxies of virtual machines register as: https://istio.io/latest/docs/reference/config/networking/workload-group/ */
export const workloadGroup: Kind<WorkloadGroupSpec> = {
  kind: "WorkloadGroup",
  group: "networking.istio.io",
  versions: ["v1", "v1beta1", "v1alpha3"],
  body: "spec",
  fields,
  check,
  // Entries come with the proxies that register.
  contribute: () => ({}),
  checkInMesh,
};

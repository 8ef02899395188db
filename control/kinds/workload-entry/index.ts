import type { Kind } from "../../model/index.ts";
import { check, checkInMesh } from "./check.ts";
import { contribute } from "./contribution.ts";
import { fields, type WorkloadEntrySpec } from "./fields.ts";

/** Something that runs outside Kubernetes: https://istio.io/latest/docs/reference/config/networking/workload-entry/ */
export const workloadEntry: Kind<WorkloadEntrySpec> = {
  kind: "WorkloadEntry",
  group: "networking.istio.io",
  versions: ["v1", "v1beta1", "v1alpha3"],
  body: "spec",
  fields,
  check,
  contribute,
  checkInMesh,
};
